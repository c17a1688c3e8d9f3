"""Draws every figure for every workload, and lists what was drawn and what could not be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reports.attempts import attempted
from reports.csv_file import write_csv
from reports.data.dataset import Dataset
from reports.data.gradients import GradientData
from reports.figures import (
    best_within_memory,
    best_within_time,
    convergence,
    cost_vs_size,
    difference,
    drift,
    failures,
    gallery,
    gallery_crops,
    gradient_cost,
    gradient_error,
    gradient_memory,
    gradient_tolerance,
    gradient_vs_quality,
    memory_law,
    metrics,
    noise,
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
from reports.figures.layout import STYLES, laid_out
from reports.figures.view import GradientView, View, gradient_views, views

FIGURES = (
    *(best_within_time, psnr_vs_time, psnr_vs_time_gradient, time_to_accuracy, survival),
    *(reconstruction, quality_vs_cost, noise, difference, best_within_memory, phases),
    *(peak_memory, memory_law, metrics, convergence, gallery, gallery_crops),
)
POOLED_FIGURES = (  # of all workloads
    *(performance_profile, ranks, gradient_vs_quality, cost_vs_size, failures, drift),
)
GRADIENT_FIGURES = (gradient_error, gradient_tolerance, gradient_memory)  # at one size
MOST_ROWS = 8000  # of the table of a figure: a file below a megabyte
MOST_WORKLOADS = 6  # a workload has twenty figures, which take half a second each


def draw_all(
    dataset: Dataset | None,
    gradients: Sequence[GradientData],
    folder: Path,
    *,
    all_figures: bool = False,
    style: str = "screen",
) -> Drawn:
    """Draw everything into `folder`; where there are many workloads, all only if `all_figures`.

    style: one of STYLES, which has the files of a figure.
    """
    problems: list[str] = []
    workloads = attempted("figures of runs", lambda: views(dataset) if dataset else [], problems)
    workloads = workloads or []
    shown = workloads if all_figures else views_drawn(workloads)
    measured = attempted("figures of gradients", lambda: gradient_views(gradients), problems)
    files = draw_figures(workloads, folder, problems, shown, style)
    files += draw_gradient_figures(measured or [], folder, problems, style)
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
    views: list[View],
    folder: Path,
    problems: list[str],
    shown: list[View] | None = None,
    style: str = "screen",
) -> list[FigureFile]:
    """Draw those `shown` of the views, or each, then all together, into `folder`.

    A figure with nothing to show is left out; of one that cannot be drawn `problems` gets the
    reason.
    """
    drawn = []
    for number, view in enumerate(views):
        if shown is None or any(view is each for each in shown):
            suffix = _suffix(number, views)
            drawn += [_draw(module, view, folder, suffix, problems, style) for module in FIGURES]
    if views:
        drawn += [_draw(module, views, folder, "", problems, style) for module in POOLED_FIGURES]
    return [figure for figure in drawn if figure is not None]


def draw_gradient_figures(
    views: list[GradientView], folder: Path, problems: list[str], style: str = "screen"
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
        drawn.append(_draw(module, view, folder, suffix, problems, style))
    return [figure for figure in drawn if figure is not None]


def _draw(
    module: Any, shown: Any, folder: Path, suffix: str, problems: list[str], style: str
) -> FigureFile | None:
    """Draw one figure of a view, or of all; None where it has nothing to show, or fails."""
    title = "all workloads" if isinstance(shown, list) else shown.title
    stem = figure_name(module) + suffix

    def draw() -> FigureFile | None:
        links, said = _pictures(module, shown, folder, stem, style)
        if not links:
            return None
        table = module.data(shown)
        named, caption = f"{module.TITLE}: {title}", module.CAPTION
        if table is not None and len(table) > MOST_ROWS:
            caption += f" Its data have {len(table)} rows, too many for a table beside it."
        elif table is not None:
            write_csv(table, folder / f"{stem}.csv")
            links["data"] = f"{stem}.csv"
        if said:
            caption = f"{said[0].upper()}{said[1:]}. {caption}"
            (folder / f"{stem}.txt").write_text(f"{named}.\n\n{caption}\n", encoding="utf-8")
        return FigureFile(stem, named, caption, module.SECTION, links)

    before = len(problems)
    what = f"figure {figure_name(module)} ({title})"
    drawn = attempted(what, draw, problems, verb="drawn")
    if len(problems) > before:  # part of it may be there
        for end in STYLES[style]:
            for kind in (".png", ".pdf", ".csv", ".txt"):
                (folder / f"{stem}{end}{kind}").unlink(missing_ok=True)
    return drawn


def _pictures(
    module: Any, shown: Any, folder: Path, stem: str, style: str
) -> tuple[dict[str, str], str]:
    """Draw a figure at each width of a style; return its PDF files, and what a caption must say.

    A figure that cannot be as narrow as the first is drawn once, at its own width.
    """
    links, said = {}, ""
    for end, chosen in STYLES[style].items():
        with laid_out(chosen):
            figure = module.draw(shown)
            if figure is None:
                break
            save(figure, folder / f"{stem}{end}")
        links["wide PDF" if end else "PDF"] = f"{stem}{end}.pdf"
        said = "" if chosen.headed else str(figure.get_label())
        if figure.get_figwidth() > chosen.widest:
            break
    return links, said


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
