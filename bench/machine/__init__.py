"""What an experiment runs on: machine, device, library versions and code."""
