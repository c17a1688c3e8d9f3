"""One figure a file; each has NAME, SECTION, TITLE, CAPTION and draw(view) -> Figure or None."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FigureFile:
    """A figure on disk: `stem`.png and `stem`.pdf in the figures folder, and what is said of it."""

    stem: str
    title: str
    caption: str
    section: str
