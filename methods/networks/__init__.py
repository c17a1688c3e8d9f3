"""The learned networks, and the layer that they are part of."""
