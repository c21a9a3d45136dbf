"""Periodic jobs of the worker. Each has a timer `every`, and `run()`, which the worker calls in every round."""
