"""Names beside marks, placed where they cover neither marks nor each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke
from matplotlib.transforms import Bbox

from reports.figures.style import GREY
from reports.stats.aggregate import Array

_DIRECTIONS = tuple((math.cos(angle), math.sin(angle)) for angle in np.arange(16) * math.pi / 8)
_DISTANCES = (7.0, 13.0, 20.0, 28.0, 38.0)  # points, from a mark to the nearest edge of its name
_WITHOUT_LINE = 8.0  # points, up to which a name stands so near that it needs no line
_LINE = 1.0  # points, half the width of a line
_HALO = [Stroke(linewidth=1.6, foreground="white"), Normal()]
_MARK = 3.5  # points, half the side of a mark


def label_marks(
    axes: Axes,
    points: Array,
    names: Sequence[str],
    looks: Sequence[dict[str, Any]],
    *,
    avoid: Array,
) -> None:
    """Write each name beside its point, (n, 2) in data; a line leads to one that stands apart.

    looks: the options of each text; avoid: the corners of a line, (m, 2) in data, of horizontal and
    vertical parts, that no name should cover. Call it when the axes have their scales and limits.
    Names are placed one after the other, each at the first free place, or that which covers least.
    """
    figure = axes.get_figure(root=True)
    if figure is None or not len(points):
        return
    figure.draw_without_rendering()  # which gives the axes their size
    scale = 72 / figure.dpi
    marks = axes.transData.transform(points) * scale
    inside = Bbox(axes.get_window_extent().get_points() * scale)
    taken = [Bbox.from_extents(*(mark - _MARK), *(mark + _MARK)) for mark in marks]
    corners = axes.transData.transform(avoid) * scale
    for start, end in itertools.pairwise(corners):
        low, high = np.minimum(start, end) - _LINE, np.maximum(start, end) + _LINE
        taken.append(Bbox.from_extents(*low, *high))
    for point, mark, name, look in zip(points, marks, names, looks, strict=True):
        options = {"fontsize": 7, "ha": "center", "va": "center", "path_effects": _HALO, **look}
        text = axes.annotate(name, tuple(point), (0, 0), textcoords="offset points", **options)
        size = np.array(text.get_window_extent().size) * scale
        distance, box = _free_place(mark, size, inside, taken)
        taken.append(box)
        middle = box.get_points().mean(axis=0)
        text.set_position(tuple(middle - mark))
        if distance > _WITHOUT_LINE:
            _lead(axes, point, mark, box)


def _free_place(mark: Array, size: Array, inside: Bbox, taken: list[Bbox]) -> tuple[float, Bbox]:
    """Return how far from a mark the box of its name lies, and the box."""
    best = (math.inf, 0.0, Bbox.null())
    for distance, direction in itertools.product(_DISTANCES, _DIRECTIONS):
        middle = mark + np.array(direction) * (distance + size / 2 * np.abs(direction))
        box = Bbox.from_extents(*(middle - size / 2), *(middle + size / 2))
        covered = sum(_overlap(box, other) for other in taken)
        outside = float(size.prod()) - _overlap(box, inside)
        if covered + 2 * outside < best[0] - 1e-6:
            best = (covered + 2 * outside, distance, box)
        if best[0] < 1e-3:
            break
    return best[1], best[2]


def _overlap(box: Bbox, other: Bbox) -> float:
    sides = np.minimum(box.max, other.max) - np.maximum(box.min, other.min)
    return float(np.maximum(sides, 0).prod())


def _lead(axes: Axes, point: Array, mark: Array, box: Bbox) -> None:
    """Draw a line from a mark to the nearest edge of its name."""
    end = np.clip(mark, box.min, box.max) - mark
    arrow = {"arrowstyle": "-", "color": GREY, "lw": 0.5, "shrinkA": 0, "shrinkB": 2}
    axes.annotate("", tuple(point), tuple(end), textcoords="offset points", arrowprops=arrow)
