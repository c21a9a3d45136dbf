"""Imports from CSV: one module per kind of file, and what they share: the table, the columns, the engine."""
