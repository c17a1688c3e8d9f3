"""Execution on a Slurm cluster."""
