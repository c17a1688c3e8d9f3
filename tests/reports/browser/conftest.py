"""These tests need a Chromium: `make test-browser` installs one, on Debian as root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from matplotlib.figure import Figure
from PIL import Image

from bench.records import write_record
from reports.figures import draw as drawing
from reports.report import write_report
from tests.support import browser as browsers
from tests.support import records as factories

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = (
    "<img src=x onerror=\"document.title='broken'\">",
    "</script><script>boom()</script>",
    "'\"></option></select><b>bold</b>",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if reason := browsers.reason_to_skip():
        pytest.skip(reason)
    with browsers.chromium() as browser:
        yield browser


def save(figure: Figure, stem: Path, *rest: object) -> None:
    """A few grey pixels stand for a figure."""
    Image.new("RGB", (60, 40), (200, 200, len(stem.name))).save(stem.with_suffix(".png"))
    stem.with_suffix(".pdf").touch()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two problems at two sizes, with a method in two layers and a failed run."""
    folder = tmp_path_factory.mktemp("browser") / "synthetic"
    for problem, size in (("motion", 32), ("gaussian", 32), ("gaussian", 48)):
        factories.write_results(folder, problem=problem, size=size)
    for seed in range(2):
        write_record(folder, factories.run_record("jfb", seed, layer="deprox"))
    return page_of(folder)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of methods, problems and layers named by a stranger."""
    folder = factories.write_results(tmp_path_factory.mktemp("hostile") / "<b>bold")
    for at, name in enumerate(NAMES):
        record = factories.run_record("jfb", layer=name, problem=name, run_id=f"strange-{at}")
        record.row["method"] = name
        write_record(folder, record)
        failed = factories.run_row(name, 1, run_id=f"failed-{at}", status="error", message=name)
        write_record(folder, factories.RunRecord(failed))
    return page_of(folder)


def page_of(folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "save", save)
        made = write_report(folder)
    assert made.problems == []
    return made.folder / "index.html"
