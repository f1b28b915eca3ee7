"""What waits for a person, and what people decide.

Each decision is made in one place, whoever takes it and wherever: at the command line, at a page or through the API.
There it is checked, done and noted in the audit, and says what it came to.
"""
