"""Schemas of requests and answers, with explicit fields: one file per noun, named as in resources."""
