"""The addresses of the API: one blueprint per thing; none knows another."""
