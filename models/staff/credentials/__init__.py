"""Credentials: tokens, passwords, the sign-ins of people and the API keys of machines."""
