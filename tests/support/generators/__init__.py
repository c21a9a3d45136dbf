"""Random histories of an organization."""
