"""The read side: select-only functions named by the question they answer."""
