"""Sources of clean images, a file each; each keeps training, validation and test pictures apart."""
