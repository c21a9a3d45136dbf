"""Daily log: notes, sign-off and amendments of a store day, and when that day ends."""
