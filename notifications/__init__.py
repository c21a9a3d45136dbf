"""Who is told, and how it gets there."""
