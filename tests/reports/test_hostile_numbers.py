"""Reports of legal, extreme numbers and names: nothing is lost, nothing steers a terminal."""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.cli import run_command_line
from bench.records import load_results, write_experiment, write_record
from reports import attempts
from reports.figures import draw as drawing
from reports.figures import drift, phases, psnr_vs_time, reconstruction
from reports.figures.canvas import theme
from reports.report import ReportResult, write_report
from tests.support import gradient_rows
from tests.support import records as factories
from tests.support.hostile_records import write_hostile

FEW, MANY = (6, 11), range(100, 200)  # cases: of many extreme columns, of a single one


@contextlib.contextmanager
def only_numbers() -> Iterator[None]:
    """Overflow is silent, as in a report; other warnings stay errors, which a report would name."""
    with np.errstate(all="ignore"):
        yield


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are rendered with few pixels, once."""

    def save(figure: Figure, stem: Path) -> None:
        with matplotlib.rc_context(theme()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            for kind in (".png", ".pdf"):
                stem.with_suffix(kind).touch()
            figure.savefig(stem.with_suffix(".png"), dpi=20)

    monkeypatch.setattr(drawing, "save", save)
    monkeypatch.setattr(attempts, "quiet", only_numbers)


def check(results: Path) -> ReportResult:
    """Write the report of records of which none is damaged; nothing is missing from it."""
    assert load_results(results).damaged == []
    made = write_report(results)
    assert made.problems == []
    links = re.findall(r'(?:src|href)="([^"]+)"', (made.folder / "index.html").read_text())
    assert links
    files = [link for link in links if not link.startswith("data:image/")]  # else inside the page
    assert all((made.folder / link).is_file() for link in files)
    for path in [*made.folder.glob("*.*")]:
        assert_plain(path.read_text(), path.name)
    assert_plain(made.terminal, "terminal")
    return made


def assert_plain(text: str, where: str) -> None:
    """Lines of printable characters; a page's title may be in any script."""
    steering = {one for one in text if not one.isprintable()} - {"\n", "\t"}
    assert not steering, (where, steering)


def compared(*arguments: object) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        run_command_line(["compare", *map(str, arguments)])
    assert_plain(printed.getvalue(), "compare")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return factories.write_results(tmp_path_factory.mktemp("hostile") / "good")


def check_case(folder: Path, case: int, good: Path) -> None:
    try:
        results = write_hostile(folder / f"case-{case}", case)
        check(results)
        compared(good, results, "--times", "always")
        compared(results, good)
    except BaseException as error:
        error.add_note(f"case {case}")
        raise


@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", FEW)
def test_extreme_numbers_and_names_are_reported(tmp_path: Path, good: Path, case: int) -> None:
    check_case(tmp_path, case, good)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_hundred_extreme_folders_are_reported(tmp_path: Path, good: Path) -> None:
    for case in MANY:
        check_case(tmp_path, case, good)


# ------------------------------------------------------------------ what ended in a traceback once

Edit = Callable[[factories.RunRecord], factories.RunRecord]


def reconstruction_overflows(record: factories.RunRecord) -> factories.RunRecord:
    rows = [{**row, "psnr": -math.inf} for row in record.reconstruction[:2]]
    return replace(record, reconstruction=[*rows, *record.reconstruction[2:]])


def no_reconstruction_is_finite(record: factories.RunRecord) -> factories.RunRecord:
    return replace(record, reconstruction=[{**r, "psnr": -math.inf} for r in record.reconstruction])


def steps_are_denormal(record: factories.RunRecord) -> factories.RunRecord:
    return replace(record, row={**record.row, "steps": 5e-324})


def curve_is_infinite(record: factories.RunRecord) -> factories.RunRecord:
    return replace(record, curve=[{**row, "psnr": math.inf} for row in record.curve])


@pytest.mark.parametrize(
    ("edit", "drawn"),
    [
        (reconstruction_overflows, (reconstruction,)),
        (no_reconstruction_is_finite, ()),
        (steps_are_denormal, (phases,)),
        (curve_is_infinite, (psnr_vs_time,)),
    ],
)
def test_an_ordinary_run_that_overflows_is_reported(
    tmp_path: Path, edit: Edit, drawn: tuple[ModuleType, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "FIGURES", (reconstruction, phases, psnr_vs_time))
    monkeypatch.setattr(drawing, "POOLED_FIGURES", (drift,))
    write_experiment(tmp_path / "experiment.yaml", factories.EXPERIMENT)
    for method in ("jfb", "tv"):
        for seed in range(2):
            write_record(tmp_path, edit(factories.run_record(method, seed)))
    made = check(tmp_path)
    names = {path.stem for path in (made.folder / "figures").glob("*.png")}
    assert {drawing.figure_name(module) for module in drawn} <= names


def test_gradients_of_which_the_only_error_is_infinite(tmp_path: Path) -> None:
    rows = gradient_rows.study_rows(("jfb",), sizes=(16,), seeds=1, states=("initial",))
    infinite = [{**row, "relative_error": math.inf} for row in rows]
    made = check(gradient_rows.write_study(tmp_path, infinite))
    assert not list((made.folder / "figures").glob("gradient_error*"))
    assert list((made.folder / "figures").glob("gradient_tolerance*.png"))
