"""The table of the memory law: peak = batch · pixels · (a + b · forward iterations)."""

from __future__ import annotations

from reports.data.dataset import Dataset
from reports.data.memory_law import memory_laws
from reports.format import NONE, number
from reports.tables import cells
from reports.tables.cells import FIRST, Row, Write
from reports.tables.table import Table

CAPTION = (
    "Peak memory of a training step with a fixed number of forward iterations, per pixel of the "
    "batch: a + b · iterations, fitted by least squares over all sizes and seeds. The slope b is "
    "zero for methods that do not store the forward solve. R² is the fraction of the variation "
    "that the law explains; it is undefined where the peak does not vary."
)


def _slope(row: Row) -> str:
    value = row["bytes_per_pixel_per_iteration"]
    return "0" if abs(value) < 0.05 else number(value)


COLUMNS: dict[str, Write] = {
    "problem": FIRST["problem"],
    "layer": FIRST["layer"],
    "method": cells.text("legend"),
    "constant a (bytes/pixel)": cells.decimal("bytes_per_pixel"),
    "slope b (bytes/pixel/iteration)": _slope,
    "R²": lambda row: f"{row['r_squared']:.4f}" if row["r_squared"] > -1 else NONE,
    "sizes (px)": cells.text("sizes"),
    "points": cells.text("points"),
}


def memory_law_table(dataset: Dataset) -> Table:
    """Return a row per problem, layer and method: its law, R², and what it was fitted to."""
    return Table("memory_law", memory_laws(dataset), COLUMNS, CAPTION)
