"""Outbox: messages to be processed after the commit, and what workers record about themselves."""
