"""Delivery channels: push, mail and the terminal log."""
