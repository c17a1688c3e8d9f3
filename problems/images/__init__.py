"""Where clean images come from; every source keeps training and test pictures apart."""
