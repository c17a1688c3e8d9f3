"""The PyTorch modules of the built-in networks."""
