"""Draws every figure for every problem and size, and says what was drawn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from reports.figures import (
    gallery,
    peak_memory,
    psnr_vs_time,
    psnr_vs_time_gradient,
    quality_vs_cost,
    time_to_accuracy,
)
from reports.figures.canvas import save
from reports.views import View

FIGURES = (
    psnr_vs_time,
    psnr_vs_time_gradient,
    time_to_accuracy,
    peak_memory,
    quality_vs_cost,
    gallery,
)


@dataclass(frozen=True)
class Drawn:
    """A figure on disk: `stem`.png and `stem`.pdf in the figures folder."""

    stem: str
    title: str
    place: str
    explanation: str


def draw_figures(views: list[View], folder: Path) -> list[Drawn]:
    """Draw into `folder`; a figure with nothing to show is left out."""
    drawn = []
    for number, view in enumerate(views):
        suffix = _suffix(view, number, views)
        for module in FIGURES:
            figure = module.draw(view)
            if figure is not None:
                stem = module.NAME + suffix
                save(figure, folder / stem)
                drawn.append(Drawn(stem, module.TITLE, view.place, module.EXPLANATION))
    return drawn


def _suffix(view: View, number: int, views: list[View]) -> str:
    """Return what tells the files of several views apart; safe whatever a problem is called."""
    if len(views) == 1:
        return ""
    suffixes = [f"_{re.sub(r'[^A-Za-z0-9_-]', '_', v.problem)[:40]}-{v.size}" for v in views]
    clash = suffixes.count(suffixes[number]) > 1
    return suffixes[number] + (f"-{number}" if clash else "")
