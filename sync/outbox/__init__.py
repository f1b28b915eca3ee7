"""What follows an answer: a record of its own, a task, an alert, a place on a list; each exactly once."""
