"""Recovery: actions, remedies, budgets, approvals, follow-ups, fixes, feedback requests and QR codes."""
