"""The methods that are compared: a file each, found by the registry."""
