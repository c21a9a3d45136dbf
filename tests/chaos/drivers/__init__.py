"""Ordeals: the real code is killed, cut off and crowded, and has to keep what it promised. docs/reliability.md."""
