"""A gradient method and a problem for implicit-bench."""
