"""Statistics behind the reports: rates, percentiles, sketches and control limits."""
