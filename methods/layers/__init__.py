"""Layers: the maps T(z; y, θ) whose fixed point is the reconstruction, a file each."""
