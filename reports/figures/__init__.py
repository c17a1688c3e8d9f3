"""One figure a file, named as it; each has SECTION, TITLE, CAPTION, and two functions of a view.

data(view) -> DataFrame | None: tidy rows of exactly what is drawn, units in the names of columns as
the records have them; None where there is nothing to show. draw(view) -> Figure | None draws them.
Pictures alone have no data. `draw` writes each figure beside its data.
"""
