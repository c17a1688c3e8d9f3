"""One figure a file; each has NAME, TITLE, EXPLANATION and draw(view) -> Figure or None."""
