"""Bridges to other libraries: their own solvers and gradients, run on the layers of this suite."""
