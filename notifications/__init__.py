"""Who is told, and how the message gets there."""
