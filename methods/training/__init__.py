"""Training of networks: optimiser, weight files, checkpoints, tuning."""
