"""Notifications: decide who is informed of what, and deliver it."""
