"""Builders of the things tests talk about: plain functions with few defaults."""
