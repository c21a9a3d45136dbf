"""Decisions: whether a concern rings, whom that reaches, and what happens next."""
