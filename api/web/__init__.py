"""HTTP layer shared by all resources: transactions, problems, pagination, idempotency, the OpenAPI document."""
