"""An experiment: a grid of runs in one results folder."""
