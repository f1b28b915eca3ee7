"""What a YAML file needs and the connected systems lack: planned, created, remembered, and taken away again."""
