"""Schemas of reports: one file per report."""
