"""Test oracles: figures recounted with plain loops over raw rows, without any code of models.reports."""
