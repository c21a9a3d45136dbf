"""Decisions: whether a concern rings, whom it reaches and what follows next."""
