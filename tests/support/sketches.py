"""Reports whose figures are composed but not rendered, for tests that look at the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from reports.figures import draw as drawing


@contextmanager
def sketched() -> Iterator[None]:
    """An empty file stands for each figure, which takes a third of the time."""

    def save(figure: Figure, stem: Path) -> None:
        for kind in (".png", ".pdf"):
            stem.with_suffix(kind).touch()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "save", save)
        yield
