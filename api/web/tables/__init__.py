"""Tables: what a schema dumped, flattened once, and written as CSV, XLSX or (api.pages) a page to print."""
