"""Shapes of what comes in and goes out: explicit fields, one file per thing."""
