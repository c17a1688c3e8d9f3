"""docs/findings.md quotes what the committed records say."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_every_number_of_the_findings_is_that_of_the_records() -> None:
    text = " ".join((DOCS / "findings.md").read_text().split())
    numbers = dict(runpy.run_path(str(DOCS / "findings.py"))["numbers"]())
    assert len(numbers) > 15
    missing = {about: number for about, number in numbers.items() if number not in text}
    assert not missing


def test_every_figure_of_the_findings_is_there() -> None:
    text = (DOCS / "findings.md").read_text()
    figures = [part.split(")")[0] for part in text.split("](")[1:] if part.startswith("../")]
    assert len(figures) >= 3
    assert all((DOCS / figure).is_file() for figure in figures)
