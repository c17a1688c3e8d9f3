"""One figure a file, named as it; each has SECTION, TITLE, CAPTION, draw(view) -> Figure | None."""
