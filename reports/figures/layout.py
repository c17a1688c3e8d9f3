"""How wide a figure is and what stands around its axes: on a page, or in a paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH


@dataclass(frozen=True)
class Layout:
    """Widths in inches: of a figure of one panel, and of the widest; dots per inch of a PNG.

    headed: whether what is shown stands above the axes; a paper has it in the caption.
    """

    width: float
    widest: float
    dots_per_inch: int
    headed: bool

    def across(self, panels: int, least: float = 1.7) -> int:
        """Return how many of so many panels stand side by side, each of at least so many inches."""
        return min(panels, int(self.widest / least))


SCREEN = Layout(COLUMN_WIDTH, PAGE_WIDTH, 200, headed=True)
SINGLE = Layout(COLUMN_WIDTH, COLUMN_WIDTH, 300, headed=False)
DOUBLE = Layout(PAGE_WIDTH, PAGE_WIDTH, 300, headed=False)
# Of a style, what is added to the name of a file, and how that file is drawn.
STYLES = {"screen": {"": SCREEN}, "paper": {"": SINGLE, "-double": DOUBLE}}

_layout = ContextVar("layout", default=SCREEN)


def layout() -> Layout:
    """Return how figures are drawn here: as for a page, unless `laid_out` says otherwise."""
    return _layout.get()


@contextmanager
def laid_out(chosen: Layout) -> Iterator[None]:
    """Within this, figures are drawn and saved so."""
    token = _layout.set(chosen)
    try:
        yield
    finally:
        _layout.reset(token)
