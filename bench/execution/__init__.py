"""Processes: how the runs of an experiment are made, here or on a cluster."""
