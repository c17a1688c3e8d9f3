"""Draws every figure for every workload, and lists what was drawn and what could not be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports.attempts import attempted
from reports.data.dataset import Dataset
from reports.data.gradients import GradientData
from reports.figures import (
    convergence,
    difference,
    drift,
    gallery,
    gradient_cost,
    gradient_error,
    gradient_memory,
    gradient_tolerance,
    gradient_vs_quality,
    memory_law,
    metrics,
    peak_memory,
    performance_profile,
    phases,
    psnr_vs_time,
    psnr_vs_time_gradient,
    quality_vs_cost,
    ranks,
    reconstruction,
    survival,
    time_to_accuracy,
)
from reports.figures.canvas import save
from reports.figures.drawn import Drawn, FigureFile
from reports.figures.view import GradientView, View, gradient_views, views

FIGURES = (
    *(psnr_vs_time, psnr_vs_time_gradient, time_to_accuracy, survival, reconstruction),
    *(quality_vs_cost, difference, phases, peak_memory, memory_law, metrics, convergence, gallery),
)
POOLED_FIGURES = (performance_profile, ranks, gradient_vs_quality, drift)  # of all workloads
GRADIENT_FIGURES = (gradient_error, gradient_tolerance, gradient_memory)  # at one size
MOST_WORKLOADS = 6  # a workload has thirteen figures, which take half a second each


def draw_all(
    dataset: Dataset | None,
    gradients: Sequence[GradientData],
    folder: Path,
    *,
    all_figures: bool = False,
) -> Drawn:
    """Draw everything into `folder`; where there are many workloads, all only if `all_figures`."""
    problems: list[str] = []
    workloads = attempted("figures of runs", lambda: views(dataset) if dataset else [], problems)
    workloads = workloads or []
    shown = workloads if all_figures else views_drawn(workloads)
    measured = attempted("figures of gradients", lambda: gradient_views(gradients), problems)
    files = draw_figures(workloads, folder, problems, shown)
    files += draw_gradient_figures(measured or [], folder, problems)
    note = note_on_views(workloads, shown) if len(shown) < len(workloads) else ""
    return Drawn(files, problems, note)


def views_drawn(views: list[View]) -> list[View]:
    """Return the views to draw: all if they are few, else the first of the largest size."""
    return views if len(views) <= MOST_WORKLOADS else [max(views, key=lambda view: view.size)]


def note_on_views(views: list[View], shown: list[View]) -> str:
    """Return of which workloads there are figures, where they are not all."""
    return (
        f"Figures show {'; '.join(view.title for view in shown)} only, one of {len(views)} "
        "workloads: bench report --figures all draws every one."
    )


def draw_figures(
    views: list[View], folder: Path, problems: list[str], shown: list[View] | None = None
) -> list[FigureFile]:
    """Draw those `shown` of the views, or each, then all together, into `folder`.

    A figure with nothing to show is left out; of one that cannot be drawn `problems` gets the
    reason.
    """
    drawn = []
    for number, view in enumerate(views):
        if shown is None or any(view is each for each in shown):
            suffix = _suffix(number, views)
            drawn += [_draw(module, view, folder, suffix, problems) for module in FIGURES]
    if views:
        drawn += [_draw(module, views, folder, "", problems) for module in POOLED_FIGURES]
    return [figure for figure in drawn if figure is not None]


def draw_gradient_figures(
    views: list[GradientView], folder: Path, problems: list[str]
) -> list[FigureFile]:
    """Draw what was measured of gradients, at each size and then across the sizes."""
    parts: list[tuple[Any, GradientView]] = [
        (module, view.at(size))
        for view in views
        for size in view.sizes
        for module in GRADIENT_FIGURES
    ]
    parts += [(gradient_cost, view) for view in views]
    titles = list(dict.fromkeys(view.title for _, view in parts))
    drawn = []
    for module, view in parts:
        # Numbered, for safety: a title holds the names of a stranger's problem and layer.
        words = _safe("-".join([view.problem, view.layer, *map(str, view.sizes)]))
        suffix = f"-{words}-{titles.index(view.title)}"
        drawn.append(_draw(module, view, folder, suffix, problems))
    return [figure for figure in drawn if figure is not None]


def _draw(
    module: Any, shown: Any, folder: Path, suffix: str, problems: list[str]
) -> FigureFile | None:
    """Draw one figure of a view, or of all; None where it has nothing to show, or fails."""
    title = "all workloads" if isinstance(shown, list) else shown.title
    stem = figure_name(module) + suffix

    def draw() -> FigureFile | None:
        figure = module.draw(shown)
        if figure is None:
            return None
        save(figure, folder / stem)
        return FigureFile(stem, f"{module.TITLE}: {title}", module.CAPTION, module.SECTION)

    before = len(problems)
    what = f"figure {figure_name(module)} ({title})"
    drawn = attempted(what, draw, problems, verb="drawn")
    if len(problems) > before:  # half of it may be there
        for kind in (".png", ".pdf"):
            (folder / stem).with_suffix(kind).unlink(missing_ok=True)
    return drawn


def figure_name(module: Any) -> str:
    """Return the name of a figure: that of its file."""
    return str(module.__name__).rpartition(".")[2]


def _suffix(number: int, views: list[View]) -> str:
    """Return what tells the files of several views apart; safe whatever a problem is called."""
    if len(views) == 1:
        return ""
    suffixes = [f"_{_safe(view.problem)[:40]}-{view.size}" for view in views]
    clash = suffixes.count(suffixes[number]) > 1
    return suffixes[number] + (f"-{number}" if clash else "")


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:80]
