"""The measurement of one run, from its configuration to its record."""
