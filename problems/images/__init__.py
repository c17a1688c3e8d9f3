"""Sources of clean images, a file each; each keeps training and test pictures apart."""
