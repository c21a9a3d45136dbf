"""What is true: the tables, the rules on them, and the read side."""
