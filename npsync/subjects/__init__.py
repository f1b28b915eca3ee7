"""What is owed to one person: everything about them told, or forgotten."""
