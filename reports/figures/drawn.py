"""What drawing leaves behind; read without what draws, which takes a third of a second to load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FigureFile:
    """A figure on disk: `stem`.png and `stem`.pdf, and the title and caption that go with it."""

    stem: str
    title: str
    caption: str
    section: str


@dataclass(frozen=True)
class Drawn:
    """The figures on disk, a sentence for each that could not be drawn, and which were left out."""

    files: list[FigureFile]
    problems: list[str]
    note: str
