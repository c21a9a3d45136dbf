"""Second opinions on figures: plain loops over raw rows."""
