"""One table a file: its numbers, and the same as text."""
