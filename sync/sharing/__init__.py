"""One run, several hands: its plan and its writing cut into shards that any process may do."""
