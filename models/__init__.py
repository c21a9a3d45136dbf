"""What is true: the tables, the rules on them, and the read side."""

# Rows know each other by name, so whoever loads one table loads all: a worker that never mentions recovery actions
# still reads concerns, which have them.
from models import tables

__all__ = ["tables"]
