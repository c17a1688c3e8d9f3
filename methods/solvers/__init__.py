"""Solvers of z = f(z), for the forward fixed point and for the adjoint system alike."""
