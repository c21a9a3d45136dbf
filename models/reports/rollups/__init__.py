"""Rollups: pre-computed totals per store and period, always recomputed and never incremented."""
