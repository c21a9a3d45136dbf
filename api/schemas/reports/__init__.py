"""Shapes of reports: one file per report."""
