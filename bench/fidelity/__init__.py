"""The gradient study: how accurate the gradient of each method is, and what it costs."""
