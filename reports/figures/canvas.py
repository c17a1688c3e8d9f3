"""What every figure shares: theme, axes, heading, scale, legend and saving."""

from __future__ import annotations

import math
import re
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn
from matplotlib import ticker
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.transforms import Transform, offset_copy

from reports.figures.fonts import without_layout_tables
from reports.figures.layout import layout
from reports.figures.style import COLUMN_WIDTH, THEME
from reports.format import counted, plain

# Of an annotation: text beside a mark or at the end of a bar.
BESIDE: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 7}
PLAIN = ticker.FuncFormatter(lambda value, _: plain(value))
LEAST = 1e-300  # on a logarithmic axis; below it numbers lose their digits
_LONGEST_WORD = 20  # of the name of a row, in a column's width
_CHARACTERS = 50  # of legend text, handles included, that fit into a column's width


def theme() -> Any:
    """Seaborn's white grid at the size of a paper, with what a printed column needs besides."""
    look = {**seaborn.plotting_context("paper"), **seaborn.axes_style("whitegrid"), **THEME}
    return {**look, "text.usetex": False}  # LaTeX would run a stranger's name as a program


# Decorates what draws; the caller's matplotlib settings stay as they are.
themed = matplotlib.rc_context(theme())


def column_axes(height: float) -> tuple[Figure, Axes]:
    """Return a figure as wide as one panel is; made without pyplot, so nothing global keeps it."""
    figure = Figure(figsize=(layout().width, height), layout="constrained")
    return figure, figure.subplots()


@themed
def save(figure: Figure, stem: Path) -> None:
    """Write stem.png and stem.pdf (no date inside: the same data, the same bytes)."""
    with warnings.catch_warnings():
        # A stranger's method may be named in letters that the font lacks: boxes, not warnings.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        if engine := figure.get_layout_engine():
            engine.execute(figure)  # once for both files, without a drawing that nobody sees
            figure.set_layout_engine(None)
        figure.savefig(stem.with_suffix(".png"), dpi=layout().dots_per_inch)
        with without_layout_tables():
            figure.savefig(stem.with_suffix(".pdf"), metadata={"CreationDate": None})


def heading(figure: Figure, *lines: str) -> None:
    """Write what is shown, and with how many seeds, above the axes, or keep it for a caption."""
    figure.set_label(". ".join(lines))
    if not layout().headed:
        return
    characters = round(17.5 * figure.get_figwidth())
    fitting = [part for line in lines for part in textwrap.wrap(line, characters)]
    figure.suptitle("\n".join(fitting), x=0.01, ha="left", linespacing=1.25)


def legend_below(figure: Figure, handles: Sequence[Artist], names: list[str]) -> None:
    """Put the legend under the axes, where it hides no data."""
    room = figure.get_figwidth() / COLUMN_WIDTH
    fitting = int(room * _CHARACTERS) // (max(map(len, names)) + 7)
    rows = math.ceil(len(names) / max(1, min(round(4 * room), fitting)))
    columns = math.ceil(len(names) / rows)
    figure.legend(list(handles), names, loc="outside lower center", ncols=columns)
    # Grow by the height of the legend, so that the axes keep theirs.
    figure.set_figheight(figure.get_figheight() + 0.16 * rows)


def scale_for(values: Iterable[float]) -> str:
    """Return "log" if the positive values span almost an order of magnitude, else "linear"."""
    shown = positive(values)
    return "log" if shown and max(shown) / min(shown) > 8 else "linear"


def set_x_scale(
    axes: Axes, values: Iterable[float], scale: str = "", *, right: float | None = None
) -> None:
    """Scale the x axis to hold `values`, with plain numbers (0.1, 1, 10) as ticks.

    scale: that of `scale_for` if empty; right: where it ends instead, if an axis can end there.
    """
    shown = positive(values)
    if (scale or scale_for(shown)) == "linear" or not shown:
        axes.set_xlim(0, axes.get_xlim()[1] if right is None else right_end(right))
        axes.xaxis.set_major_locator(ticker.MaxNLocator(6))
        return
    low, high = min(shown), max(shown)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.4, high * 1.4 if right is None else right_end(right))
    steps = (1.0, 3.0) if high / low > 120 else (1.0, 2.0, 5.0)
    _log_ticks(axes.xaxis, steps, ticker.FuncFormatter(lambda value, _: f"{value:g}"))


def right_end(value: float) -> float:
    """Return where an axis from 0 ends: at `value`, or at 1 where that is no positive number."""
    return value if LEAST < value < math.inf else 1.0


def room(low: float, high: float, least: float = 0.5) -> float:
    """Return the width of an axis that shows both ends, at least what its numbers can resolve."""
    return max(high - low, least, 1e-6 * max(abs(low), abs(high)))


def left_out(values: Iterable[float]) -> str:
    """Return how many values are infinite, which no axis shows, for a heading; "" if none is."""
    infinite = sum(map(math.isinf, values))
    return f"; {counted(infinite, 'infinite value')} left out" if infinite else ""


def band(axes: Axes, table: pd.DataFrame, x: str, y: str, color: str) -> None:
    """Fill from the columns `<y>_low` to `<y>_high`."""
    axes.fill_between(
        table[x], table[f"{y}_low"], table[f"{y}_high"], color=color, alpha=0.18, lw=0
    )


def seed_offsets(count: int) -> list[float]:
    """Return vertical offsets that keep the seeds of one row apart."""
    return [0.0] if count == 1 else np.linspace(-0.18, 0.18, count).tolist()


def side_by_side(axes: Axes, count: int) -> list[Transform]:
    """Return a transform of data for each of `count` lines, most of a line's width below the last.

    Step curves that are equal over a stretch would hide each other. The data stay as they are.
    """
    figure = axes.get_figure(root=True)
    shifts = [0.8 * ((count - 1) / 2 - at) for at in range(count)]
    return [offset_copy(axes.transData, fig=figure, y=y, units="points") for y in shifts]


def wrapped(name: str, longest: int = 13) -> str:
    """Break a label into lines, before a bracket or a space or after a comma or underscore.

    What has none of them is broken where it would leave no room for the axes.
    """
    lines = [""]
    for piece in re.findall(rf"[\[( ]?[^\[( ,_]{{0,{_LONGEST_WORD}}}[,_]?", name):
        if lines[-1] and len(lines[-1] + piece) > longest:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def name_rows(axes: Axes, names: list[str]) -> None:
    """Label horizontal rows, the first one on top."""
    axes.set_yticks(range(len(names)), [wrapped(name) for name in names], linespacing=1.0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")


def logarithmic_y(axes: Axes, values: Iterable[float]) -> None:
    """Scale the y axis by powers of ten, in plain numbers, with some between if there are few.

    It stays linear where none of the values is positive.
    """
    shown = positive(values)
    if not shown:
        return
    axes.set_yscale("log")
    steps = (1.0,) if max(shown) > 100 * min(shown) else (1.0, 2.0, 5.0)
    _log_ticks(axes.yaxis, steps, PLAIN)


def _log_ticks(axis: Axis, steps: tuple[float, ...], formatter: ticker.Formatter) -> None:
    axis.set_major_locator(ticker.LogLocator(subs=steps))
    axis.set_major_formatter(formatter)
    axis.set_minor_formatter(ticker.NullFormatter())


def fixed_ticks(axis: Axis, values: Iterable[float]) -> None:
    """Put ticks at these values of an axis only, as plain numbers."""
    axis.set_major_locator(ticker.FixedLocator(list(values)))
    axis.set_major_formatter(PLAIN)
    axis.set_minor_locator(ticker.NullLocator())


def positive(values: Iterable[float]) -> list[float]:
    """Return the values that a logarithmic axis can show."""
    return [value for value in values if LEAST < value < math.inf]
