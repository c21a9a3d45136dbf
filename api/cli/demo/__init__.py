"""Demo data: two invented organizations with customers, scenarios and sixty days of history."""
