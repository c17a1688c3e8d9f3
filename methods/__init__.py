"""The methods that are compared, a file each; the registry finds them."""
