"""Callbacks: what a run tells loggers such as TensorBoard; one file for each."""
