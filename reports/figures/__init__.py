"""One figure a file, named as it; each has SECTION, TITLE, CAPTION, and two functions of a view.

data(view) -> DataFrame | None: tidy rows of exactly what is drawn, units in the names of columns as
the records have them; None where there is nothing to show. draw(view) -> Figure | None draws them.
Of pictures they are the quality. `draw` writes each figure beside its data.
"""
