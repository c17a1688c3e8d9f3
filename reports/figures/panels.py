"""Images of one seed side by side: what the runs kept, chosen by contrast, one panel each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from bench.errors import UserError
from bench.records import Samples
from reports.figures import canvas
from reports.figures.style import PAGE_WIDTH
from reports.figures.view import View

Images = NDArray[np.float32]
Read = Callable[[str], Samples | None]
TITLE_SIZE, TITLE_HEIGHT, LINE_HEIGHT = 7.5, 0.16, 0.12  # points, inches, inches
_SEEDS_TRIED, _WIDEST = 10, 1.3  # inches of a panel


@dataclass(frozen=True)
class Panel:
    """The images of one method, (n, C, H, W), each with a text below; or why there are none."""

    legend: str
    title: str
    images: Images | None
    psnr: list[float]
    missing: str = ""

    def caption(self, index: int) -> str:
        """Return the PSNR of an image in dB."""
        return f"{self.psnr[index]:.2f}" if self.psnr else ""


@dataclass(frozen=True)
class Chosen:
    """The images of one seed, n of them; at: their numbers; panels: clean, observed, methods."""

    seed: int
    at: list[int]
    clean: Images
    panels: list[Panel]

    def best(self, index: int) -> str:
        """Return the best caption of an image among the methods."""
        known = [panel.caption(index) for panel in self.panels[2:] if panel.psnr]
        return max(known, key=float)


def chosen(view: View, read: Read, most: int) -> Chosen | None:
    """Return the images with the most contrast, at most so many; None where no run kept any.

    They are of the seed for which most methods kept images, the lowest of those that tie. Contrast
    is the standard deviation of the clean image. read: returns the images of a run, by run_id.
    """
    seed, kept = _chosen_seed(view, read)
    if not kept:
        return None
    reference = next(iter(kept.values()))
    at = by_contrast(reference.clean)[:most]
    observed = [float(value) for value in reference.psnr_observed[at]]
    clean = reference.clean[at]
    panels = [
        Panel("clean", "clean", clean, []),
        Panel("observed", "observed", reference.observed[at], observed),
        *(_panel(view, name, kept.get(name), reference, at) for name in view.legends),
    ]
    return Chosen(seed, at, clean, panels)


def by_contrast(images: Images) -> list[int]:
    """Return the numbers of images, (n, C, H, W), the one with the largest deviation first."""
    deviations = shown_pixels(images).reshape(len(images), -1).std(axis=1)
    return [int(index) for index in np.argsort(-deviations, kind="stable")]


def shown_pixels(images: Images) -> Images:
    """Return pixels as they are shown, in [0, 1]; measured ones may lie outside, or be none."""
    pixels: Images = np.clip(np.nan_to_num(images), 0, 1)
    return pixels


def grid(rows: int, columns: int, title_lines: Sequence[int]) -> tuple[Figure, Any]:
    """Return axes for square panels, and room for a text below and a title of so many lines."""
    width = min(PAGE_WIDTH, _WIDEST * columns)
    titles = sum(TITLE_HEIGHT + LINE_HEIGHT * (lines - 1) for lines in title_lines if lines)
    height = rows * (width / columns + 0.16) + titles + 0.3
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)  # type: ignore
    axes = figure.subplots(rows, columns, squeeze=False)
    for each in axes.flat:
        each.set_axis_off()
    return figure, axes


def titled(axes: Axes, panel: Panel) -> None:
    """Write the name of a panel above it."""
    title = canvas.wrapped(panel.title)
    axes.set_title(title, fontsize=TITLE_SIZE, pad=3, linespacing=1.0)


def lines_of_titles(panels: Sequence[Panel]) -> int:
    """Return how many lines the longest title of a row has."""
    return max(canvas.wrapped(panel.title).count("\n") for panel in panels) + 1


def show(axes: Axes, pixels: Images, **options: Any) -> AxesImage:
    """Show an image of (C, H, W) or (H, W) in a frame without ticks, pixel by pixel."""
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if pixels.ndim == 3:
        pixels = np.moveaxis(pixels, 0, -1) if len(pixels) == 3 else pixels[0]
    look = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest", **options}
    return axes.imshow(pixels, **look)


def show_panel(axes: Axes, panel: Panel, index: int, best: str) -> None:
    """Show an image of a panel with its PSNR below, the best in bold; or why there is none."""
    if panel.images is None:
        missing(axes, panel)
        return
    show(axes, shown_pixels(panel.images[index]))
    weight = "bold" if panel.legend != "observed" and panel.caption(index) == best else "normal"
    axes.set_xlabel(panel.caption(index), labelpad=1.5, fontsize=TITLE_SIZE, weight=weight)


def missing(axes: Axes, panel: Panel) -> None:
    """Write in an empty frame why there is no image."""
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.set_box_aspect(1)
    axes.spines[:].set_visible(True)
    axes.text(0.5, 0.5, panel.missing, ha="center", va="center", fontsize=6.5, wrap=True)


def _chosen_seed(view: View, read: Read) -> tuple[int, dict[str, Samples]]:
    best, most = (0, dict[str, Samples]()), view.completed["legend"].nunique()
    for seed in map(int, sorted(view.completed["seed"].unique())[:_SEEDS_TRIED]):
        if len(best[1]) < most:
            best = max(best, (seed, _kept(view, seed, read)), key=lambda each: len(each[1]))
    return best


def _kept(view: View, seed: int, read: Read) -> dict[str, Samples]:
    runs = view.completed[view.completed["seed"] == seed]
    kept = {}
    for legend, run_id in zip(runs["legend"], runs["run_id"], strict=True):
        samples = None
        with suppress(UserError):  # changed since it was loaded; the figure does without it
            samples = read(run_id)
        if samples is not None and len(samples.clean):
            kept[legend] = samples
    return kept


def _panel(
    view: View, legend: str, samples: Samples | None, reference: Samples, at: list[int]
) -> Panel:
    if samples is None:
        failure = view.failure(legend)
        return Panel(legend, legend, None, [], "no images" if failure == "completed" else failure)
    if not np.array_equal(samples.clean, reference.clean, equal_nan=True):
        return Panel(legend, legend, None, [], "other images")
    (title,) = view.named([legend])
    psnr = [float(value) for value in samples.psnr[at]]
    return Panel(legend, title, samples.reconstruction[at], psnr)
