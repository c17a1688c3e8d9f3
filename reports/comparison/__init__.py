"""Two results folders side by side: A is the base, B the candidate."""
