"""The same pictures, larger than the images of training, reconstructed by every method."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.panels import (
    TITLE_SIZE,
    Chosen,
    Images,
    Panel,
    chosen,
    grid,
    lines_of_titles,
    missing,
    show,
    show_panel,
    shown_pixels,
    titled,
)
from reports.figures.view import View, flag_note
from reports.format import TIMES, printable

SECTION = "summary"
TITLE = "Reconstructions"
CAPTION = (
    "Test pictures of one seed, larger than the images of training: clean, observed, and "
    "reconstructed by each method with its final weights. They are those with the largest standard "
    "deviation of the clean pixels. Below each picture is its PSNR in dB, the best in bold. Below "
    "the pictures: the absolute error of each pixel, as a mean over channels, on one scale for all "
    "maps of the figure, which ends where 99.5 % of the errors of the methods do; pixels are in "
    "[0, 1], larger errors have the last colour."
)
ACROSS, MOST_ROWS, MOST_PICTURES = 7, 6, 3
ERRORS_SHOWN = 0.995  # of the errors of the methods, up to which the scale goes
_COLOURS = "magma"


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw the panels of each picture, then its error maps; None when no run kept pictures."""
    found = _chosen(view)
    if found is None:
        return None
    panels = found.panels
    rows = [panels[at : at + ACROSS] for at in range(0, len(panels), ACROSS)]
    lines = [lines_of_titles(row) for row in rows]
    figure, every = grid(2 * len(rows) * len(found.at), len(rows[0]), 2 * lines * len(found.at))
    scale = Normalize(0, _largest_error(panels, found.clean))
    for index, block in enumerate(np.split(every, len(found.at))):
        pictures, maps = (part.flat for part in np.split(block, 2))
        for axes, panel in zip(pictures, panels, strict=False):
            titled(axes, panel)
            show_panel(axes, panel, index, found.best(index))
        for axes, panel in zip(maps, panels, strict=False):
            _error_map(axes, panel, found.clean, index, scale)
    kept = [panel.legend for panel in panels[2:] if panel.psnr]
    names = ", ".join(_names(view, found))
    sides = TIMES.join(str(side) for side in found.clean.shape[:1:-1])
    words = f"{view.title}, seed {found.seed}; pictures of {sides} px{names and ': '}{names}"
    below = "PSNR in dB below each picture, the best in bold; then the error of each pixel"
    canvas.heading(figure, f"{words}; {below}{flag_note(kept, view.unconverged)}")
    return figure


def data(view: View) -> pd.DataFrame | None:
    """Return a row per picture shown but the clean: picture (its number), method, psnr and error.

    psnr in dB; error: the mean absolute error of its pixels as shown. The first method is
    `observed`. None when no run kept pictures.
    """
    found = _chosen(view)
    if found is None:
        return None
    return pd.DataFrame(
        {
            "picture": number,
            "method": panel.legend,
            "psnr": panel.psnr[index],
            "error": float(_errors(panel.images, found.clean)[index].mean()),
        }
        for index, number in enumerate(found.at)
        for panel in found.panels
        if panel.images is not None and panel.psnr
    )


def _chosen(view: View) -> Chosen | None:
    """The pictures that are drawn: as many as there are rows for."""
    rows = math.ceil((2 + len(view.legends)) / ACROSS)
    most = min(max(MOST_ROWS // (2 * rows), 1), MOST_PICTURES)
    return chosen(view, view.dataset.results.picture_samples, most)


def _names(view: View, found: Chosen) -> list[str]:
    """Return what the pictures are called, as far as the records say."""
    pictures = view.dataset.results.pictures
    own = pictures[pictures["run_id"].isin(view.completed["run_id"])]
    names = own.drop_duplicates("picture").set_index("picture")["name"]
    return [printable(names[number], 40) for number in found.at if number in names.index]


def _errors(images: Images, clean: Images) -> Images:
    """Return the absolute error of each pixel, (n, H, W), as a mean over channels."""
    difference = np.subtract(shown_pixels(images), shown_pixels(clean))
    pixels: Images = np.abs(difference).mean(axis=1)
    return pixels


def _largest_error(panels: list[Panel], clean: Images) -> float:
    """Return the end of the scale: a multiple of 0.01."""
    images = [panel.images for panel in panels[2:] if panel.images is not None]
    errors = [_errors(each, clean).ravel() for each in images]
    largest = float(np.quantile(np.concatenate(errors), ERRORS_SHOWN))
    return max(math.ceil(round(100 * largest, 3)), 1) / 100


def _error_map(axes: Axes, panel: Panel, clean: Images, index: int, scale: Normalize) -> None:
    """Draw the errors of one picture; in the place of the clean one, the scale."""
    if panel.images is clean:
        _color_bar(axes, scale)
        return
    titled(axes, panel)
    if panel.images is None:
        missing(axes, panel)
        return
    options: dict[str, Any] = {"cmap": _COLOURS, "vmin": None, "vmax": None, "norm": scale}
    show(axes, _errors(panel.images, clean)[index], **options)


def _color_bar(axes: Axes, scale: Normalize) -> None:
    place = axes.inset_axes((0.08, 0.5, 0.84, 0.1))
    place.imshow(np.linspace(0, 1, 256)[None], aspect="auto", cmap=_COLOURS)
    place.set(yticks=[], xticks=[0, 255])
    _, last = place.set_xticklabels(["0", f"≥ {scale.vmax:g}"], fontsize=6.5)
    last.set_horizontalalignment("right")  # else it would widen its column
    place.set_title("absolute error", fontsize=TITLE_SIZE, pad=3)
    place.tick_params(length=2, pad=1.5)
    place.grid(False)
