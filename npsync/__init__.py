"""npsync: survey answers onto the records where people work, planned before written."""

__version__ = "0.1.0"
