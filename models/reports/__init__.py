"""Reports: read-only functions, one module per report. Each takes a query and returns rows of figures by group."""
