"""The same crops of the benchmark, reconstructed by every method."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.panels import (
    Chosen,
    chosen,
    grid,
    lines_of_titles,
    show_panel,
    titled,
)
from reports.figures.view import View, flag_note

SECTION = "summary"
TITLE = "Reconstructions of test images"
CAPTION = (
    "Test images of one seed, at the size of training: clean, observed, and reconstructed by each "
    "method. They are those with the largest standard deviation of the clean pixels. Below each "
    "image is its PSNR in dB, the best in bold. Pixels are shown without interpolation."
)
METHODS_ACROSS, IMAGES_DOWN = 7, 4


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw images as rows and methods as columns; None when no run kept samples."""
    found = _chosen(view)
    if found is None:
        return None
    (shared, methods), count = (found.panels[:2], found.panels[2:]), len(found.at)
    # Wrapped into blocks, so that a panel stays large enough to judge.
    blocks = [methods[at : at + METHODS_ACROSS] for at in range(0, len(methods), METHODS_ACROSS)]
    lines = [lines_of_titles([*shared, *block]) for block in blocks]
    figure, every = grid(count * len(blocks), 2 + len(blocks[0]), lines)
    for rows, block in zip(np.split(every, len(blocks)), blocks, strict=True):
        for column, panel in enumerate([*shared, *block]):
            titled(rows[0, column], panel)
            for index, axes in enumerate(rows[:, column]):
                show_panel(axes, panel, index, found.best(index))
    kept = [panel.legend for panel in methods if panel.psnr]
    words = f"{view.title}, seed {found.seed}: PSNR in dB below each image, the best in bold"
    canvas.heading(figure, words + flag_note(kept, view.unconverged))
    return figure


def data(view: View) -> pd.DataFrame | None:
    """Return a row per image shown but the clean: image (its number), method and psnr (dB).

    The first method is `observed`. None when no run kept samples.
    """
    found = _chosen(view)
    if found is None:
        return None
    return pd.DataFrame(
        {"image": number, "method": panel.legend, "psnr": panel.psnr[index]}
        for index, number in enumerate(found.at)
        for panel in found.panels
        if panel.psnr
    )


def _chosen(view: View) -> Chosen | None:
    return chosen(view, view.dataset.results.samples, IMAGES_DOWN)
