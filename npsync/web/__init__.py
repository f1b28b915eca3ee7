"""The doors that others knock at: /hooks for what vendors tell, /api for other tools, and our own pages."""
