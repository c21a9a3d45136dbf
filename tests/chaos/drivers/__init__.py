"""Chaos runs: the real code is killed, disconnected and overloaded. docs/reliability.md says what has to hold."""
