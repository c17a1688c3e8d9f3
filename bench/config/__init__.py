"""The settings of a run: their defaults, their ranges, and how a user overrides them."""
