"""Demo organizations: companies, customers, scenarios and sixty days of history."""
