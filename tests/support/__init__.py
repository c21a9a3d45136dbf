"""Helpers of the test suite: see the packages factories, fakes, oracle and generators, and one module per tool."""
