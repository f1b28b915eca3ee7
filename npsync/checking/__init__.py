"""The YAML beside the live systems: what is missing there, what would not fit, and what has to be granted."""
