"""One figure a file; each has NAME, SECTION, TITLE, CAPTION and draw(view) -> Figure or None."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FigureFile:
    """A figure on disk: `stem`.png and `stem`.pdf, and the title and caption that go with it."""

    stem: str
    title: str
    caption: str
    section: str
