"""Draws every figure for every problem and size, and says what was drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from reports.figures import (
    convergence,
    drift,
    gallery,
    gradient_cost,
    gradient_error,
    gradient_memory,
    gradient_tolerance,
    memory_law,
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
from reports.data.gradients import GradientView
from reports.figures.view import View

FIGURES = (
    psnr_vs_time,
    psnr_vs_time_gradient,
    time_to_accuracy,
    survival,
    reconstruction,
    quality_vs_cost,
    phases,
    peak_memory,
    memory_law,
    convergence,
    gallery,
)
POOLED_FIGURES = (performance_profile, ranks, drift)  # of all problems and sizes together
MOST_PLACES = 6  # a place has eleven figures, which take half a second each
POOLED = "all problems and sizes"
GRADIENT_FIGURES = (gradient_error, gradient_tolerance, gradient_memory)  # at one size


@dataclass(frozen=True)
class Drawn:
    """A figure on disk: `stem`.png and `stem`.pdf in the figures folder."""

    stem: str
    title: str
    place: str
    explanation: str
    section: str = "training"


def places_drawn(views: list[View]) -> list[View]:
    """Return the views to draw: all if they are few, else the first of the largest size."""
    return views if len(views) <= MOST_PLACES else [max(views, key=lambda view: view.size)]


def said_of_places(views: list[View], shown: list[View]) -> str:
    """Return of which places there are figures, where they are not all."""
    places = "; ".join(view.place for view in shown)
    return (
        f"Figures show {places} only, one of {len(views)} problems and sizes: "
        "bench report --figures all draws every one."
    )


def draw_figures(views: list[View], folder: Path, shown: list[View] | None = None) -> list[Drawn]:
    """Draw those `shown` of the views, or each, then all together, into `folder`.

    A figure with nothing to show is left out.
    """
    drawn = []
    for number, view in enumerate(views):
        if shown is not None and all(view is not each for each in shown):
            continue
        suffix = _suffix(view, number, views)
        for module in FIGURES:
            figure = module.draw(view)
            if figure is not None:
                stem = module.NAME + suffix
                save(figure, folder / stem)
                drawn.append(
                    Drawn(stem, module.TITLE, view.place, module.EXPLANATION, module.SECTION)
                )
    for module in POOLED_FIGURES:
        figure = module.draw(views) if views else None
        if figure is not None:
            save(figure, folder / module.NAME)
            drawn.append(
                Drawn(module.NAME, module.TITLE, POOLED, module.EXPLANATION, module.SECTION)
            )
    return drawn


def draw_gradient_figures(views: list[GradientView], folder: Path) -> list[Drawn]:
    """Draw what was measured of gradients, at each size and then across the sizes."""
    parts = [
        (module, view.at(size))
        for view in views
        for size in view.sizes
        for module in GRADIENT_FIGURES
    ]
    parts += [(gradient_cost, view) for view in views]
    places = list(dict.fromkeys(view.place for _, view in parts))
    drawn = []
    for module, view in parts:
        figure = module.draw(view)
        if figure is not None:
            # Numbered, for safety: a place holds the names of a stranger's problem and layer.
            words = [module.NAME, view.problem, view.layer, *map(str, view.sizes)]
            stem = _safe("-".join(words)) + f"-{places.index(view.place)}"
            save(figure, folder / stem)
            drawn.append(Drawn(stem, module.TITLE, view.place, module.EXPLANATION))
    return drawn


def _suffix(view: View, number: int, views: list[View]) -> str:
    """Return what tells the files of several views apart; safe whatever a problem is called."""
    if len(views) == 1:
        return ""
    suffixes = [f"_{_safe(v.problem)[:40]}-{v.size}" for v in views]
    clash = suffixes.count(suffixes[number]) > 1
    return suffixes[number] + (f"-{number}" if clash else "")


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:80]
