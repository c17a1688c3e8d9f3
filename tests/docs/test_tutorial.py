"""The tutorial is executed as a reader would, and says what it is written to say."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def book() -> Any:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    read = nbformat.read(DOCS / "tutorial.ipynb", as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's client, which are not ours
        where = {"metadata": {"path": str(DOCS)}}
        client.NotebookClient(read, timeout=240, kernel_name="python3", resources=where).execute()
    return read


def text_after(book: Any, beginning: str) -> str:
    """What the cell that contains this text has put out."""
    (cell,) = (c for c in book.cells if c.cell_type == "code" and beginning in c.source)
    parts = [
        out.get("text", "") or out.get("data", {}).get("text/plain", "") for out in cell.outputs
    ]
    return "\n".join(parts)


def test_every_cell_of_the_tutorial_works_and_shows_something(book: Any) -> None:
    assert "12 methods" in text_after(book, "quick = bench.load_results")
    runs = text_after(book, "results = bench.run(")
    assert runs.count("completed") == 6
    words = text_after(book, "vjps = ").split()
    jfb, ift = int(words[1]), int(words[4])
    assert ift > jfb == 20
    assert "two_steps" in text_after(book, "mine = bench.run(")


def test_the_method_of_the_tutorial_passes_the_check(book: Any) -> None:
    shown = text_after(book, "checked = subprocess.run")
    assert "Traceback" not in shown
    assert "failed" not in shown


def test_figures_are_shown(book: Any) -> None:
    cells = [cell for cell in book.cells if ".plot(" in cell.source]
    assert len(cells) == 3
    for cell in cells:
        assert any("image/png" in out.get("data", {}) for out in cell.outputs)


def test_the_committed_tutorial_has_no_outputs() -> None:
    nbformat = pytest.importorskip("nbformat")
    cells = nbformat.read(DOCS / "tutorial.ipynb", as_version=4).cells
    assert not any(cell.get("outputs") for cell in cells)
