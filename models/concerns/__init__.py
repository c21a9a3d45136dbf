"""Concerns: the aggregate, its events, checks, references and handover."""
