"""Use cases that span several aggregates."""
