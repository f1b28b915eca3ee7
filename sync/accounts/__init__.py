"""Roll-ups: what the people of an account answered, shown on the account."""
