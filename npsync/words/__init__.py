"""What commands, pages and the API say in the same words: lines for people, facts for machines. Prints nothing."""

WIDTH = 100  # columns of a line for people
