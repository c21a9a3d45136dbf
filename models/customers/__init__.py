"""Customers: profiles, contacts, external ids, consent and likely duplicates."""
