"""What drawing leaves behind; read without what draws, which takes a third of a second to load."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FigureFile:
    """A figure on disk: `stem`.png and `stem`.pdf, and the title and caption that go with it.

    links: the files beside the picture, by what a link to each is called.
    """

    stem: str
    title: str
    caption: str
    section: str
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """The figures on disk, a sentence for each that could not be drawn, and which were left out."""

    files: list[FigureFile]
    problems: list[str]
    note: str
