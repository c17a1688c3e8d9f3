"""The learned networks, and the layer as a module."""
