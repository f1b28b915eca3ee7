"""The answers' way: from the inbox to the record. Knows a Source and a Destination, never a vendor."""
