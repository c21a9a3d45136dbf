"""Statistics of the reports: rates, percentiles, DDSketches and control limits."""
