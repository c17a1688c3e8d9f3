"""The same images, reconstructed by every method."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.errors import UserError
from bench.records import Samples
from reports.figures import canvas
from reports.figures.style import PAGE_WIDTH
from reports.figures.view import View, flag_note

SECTION = "summary"
TITLE = "Reconstructions"
CAPTION = (
    "Test images of one seed: clean, observed, and reconstructed by each method. Below each image "
    "is its PSNR in dB, the best in bold. Pixels are shown without interpolation."
)
_METHODS_ACROSS, _IMAGES_DOWN, _SEEDS_TRIED = 7, 6, 10


@dataclass(frozen=True)
class _Panel:
    title: str
    images: NDArray[np.float32] | None  # (n, C, H, W)
    captions: list[str]
    missing: str = ""


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw samples as rows and methods as columns; None when no run kept samples."""
    seed, kept = _chosen_seed(view)
    if not kept:
        return None
    reference = next(iter(kept.values()))
    count = len(reference.clean)
    methods = [_method_panel(view, name, kept.get(name), reference) for name in view.legends]
    captions = zip(*(panel.captions for panel in methods if panel.captions), strict=True)
    best = [max(texts, key=float) for texts in captions]
    # Wrapped into blocks, so that a panel stays large enough to judge.
    blocks = [methods[at : at + _METHODS_ACROSS] for at in range(0, len(methods), _METHODS_ACROSS)]
    title_lines = max(canvas.wrapped(panel.title).count("\n") for panel in methods)
    extra = (0.1 + 0.12 * title_lines) * len(blocks)
    figure, grid = _grid(count * len(blocks), 2 + len(blocks[0]), extra)
    observed = [f"{value:.2f}" for value in reference.psnr_observed]
    shared = [
        _Panel("clean", reference.clean, [""] * count),
        _Panel("observed", reference.observed, observed),
    ]
    for rows, block in zip(np.split(grid, len(blocks)), blocks, strict=True):
        _fill(rows, [*shared, *block], best)
    canvas.heading(
        figure,
        f"{view.title}, seed {seed}: PSNR in dB below each image, the best in bold"
        + flag_note(kept, view.unconverged),
    )
    return figure


def _chosen_seed(view: View) -> tuple[int, dict[str, Samples]]:
    """Return the seed for which most methods kept samples, the lowest of those that tie."""
    best, most = (0, dict[str, Samples]()), view.completed["legend"].nunique()
    for seed in map(int, sorted(view.completed["seed"].unique())[:_SEEDS_TRIED]):
        if len(best[1]) < most:
            best = max(best, (seed, _samples_of(view, seed)), key=lambda each: len(each[1]))
    return best


def _samples_of(view: View, seed: int) -> dict[str, Samples]:
    runs = view.completed[view.completed["seed"] == seed]
    kept = {}
    for legend, run_id in zip(runs["legend"], runs["run_id"], strict=True):
        samples = None
        with suppress(UserError):  # changed since it was loaded; the figure does without it
            samples = view.dataset.results.samples(run_id)
        if samples is not None and len(samples.clean):
            first = {name: images[:_IMAGES_DOWN] for name, images in vars(samples).items()}
            kept[legend] = Samples(**first)
    return kept


def _method_panel(view: View, legend: str, samples: Samples | None, reference: Samples) -> _Panel:
    if samples is None:
        failure = view.failure(legend)
        return _Panel(legend, None, [], "no samples" if failure == "completed" else failure)
    if not np.array_equal(samples.clean, reference.clean):
        return _Panel(legend, None, [], "other images")
    (title,) = view.named([legend])
    return _Panel(title, samples.reconstruction, [f"{value:.2f}" for value in samples.psnr])


def _grid(rows: int, columns: int, extra: float) -> tuple[Figure, Any]:
    width = min(PAGE_WIDTH, 0.95 * columns)
    side = width / columns
    figure = Figure(figsize=(width, rows * (side + 0.16) + extra + 0.16), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)  # type: ignore
    return figure, figure.subplots(rows, columns, squeeze=False)


def _fill(rows: Any, panels: list[_Panel], best: list[str]) -> None:
    for axes in rows.flat:
        axes.set_axis_off()
    for column, panel in enumerate(panels):
        rows[0, column].set_title(canvas.wrapped(panel.title), fontsize=7.5, pad=3, linespacing=1.0)
        for index, axes in enumerate(rows[:, column]):
            _image(axes, panel, index, best[index])


def _image(axes: Axes, panel: _Panel, index: int, best: str) -> None:
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(panel.images is None)
    if panel.images is None:
        axes.set_aspect("equal")
        axes.set_box_aspect(1)
        axes.text(0.5, 0.5, panel.missing, ha="center", va="center", fontsize=6.5, wrap=True)
        return
    # As measured, pixels may lie outside [0, 1], and those of a stranger may be no numbers.
    pixels = np.clip(np.nan_to_num(np.moveaxis(panel.images[index], 0, -1)), 0, 1)
    shown = pixels if pixels.shape[-1] == 3 else pixels[..., 0]
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    weight = "bold" if panel.captions[index] == best else "normal"
    axes.set_xlabel(panel.captions[index], labelpad=1.5, fontsize=7.5, weight=weight)
