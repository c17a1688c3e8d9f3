"""Five hundred damaged results folders: no traceback, no hang, nothing outside touched."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.figure import Figure

from bench.cli import run_command_line
from bench.errors import UserError
from bench.records import (
    Results,
    load_results,
    read_rows,
    write_experiment,
    write_gradients,
    write_plan,
    write_record,
)
from bench.records.plan import Plan
from bench.records.schema import RUN_COLUMNS
from reports import page
from reports.data.dataset import Dataset
from reports.data.gradients import gradient_data
from reports.figures import draw as drawing
from reports.figures.canvas import theme
from reports.format import markdown_table
from reports.report import write_report
from reports.sections import sections
from reports.tables.gradients import terminal_gradients
from reports.tables.summary import terminal_summary
from tests.support import gradient_rows
from tests.support import records as factories
from tests.support.harmless import snapshot, within

CASES, SEED = 500, 20260101
DRAWN_EVERY = 20  # of the cases, with two figures each: drawing is slow
SECONDS = 60  # for one case, which takes a tenth of one, on a machine that others use too
# What is done with a folder besides reading it, in turn: all of it would take minutes.
PARTS = ("tables", "", "compare", "", "", "compare with", "", "gradients", "", "")
HOSTILE = (
    *("", " ", "..", "../../secret", "/etc/passwd", "a\0b", "\x1b[2J\x1b]0;x\x07", "_hidden"),
    *("=cmd|'/c calc'!A1", "$x^{$", "$\\frac$", "\\input{/etc/passwd}", "%s{}%n", "{{7*7}}"),
    *("<script>alert(1)</script>", "](javascript:x)", "|a|b|", "`x`", "\u202egnp", "ß𝔘中文🙂"),
    *("x" * 3000, "\udcff", "nan", "-inf", "NULL", "true", "line\nbreak\r\n", "#\t;", '"', "'"),
)
NUMBERS = (
    *(0, -1, 1, 2**31, 2**63 - 1, 2**63, 10**40, 1e99, 1e-99, 5e-324, 1e101, 1e308, -1e99, 0.1),
    *(None, True, [], {}, [[]], {"a": {"b": []}}, float("nan"), float("inf"), -0.0),
)
Folder = Path
Mutation = Callable[[Folder, random.Random], None]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder with every kind of file that a results folder may have."""
    folder = tmp_path_factory.mktemp("fuzz") / "good"
    plan = Plan()
    for method in ("jfb", "tv"):
        for seed in range(2):
            record = factories.run_record(method, seed)
            run_id = str(record.row["run_id"])
            write_record(folder, record)
            config = {"forward": {"tolerance": 1e-4}, "train": {"steps": 100}}
            plan.configurations[method] = {"method": method, "config": config}
            plan.runs[run_id] = (method, seed)
    write_experiment(
        folder / "experiment.yaml",
        {**factories.EXPERIMENT, "configurations": plan.configurations},
    )
    write_plan(folder, plan)
    write_gradients(folder, gradient_rows.study_rows(seeds=1)[:12])
    return folder


# ------------------------------------------------------------------------------------- mutations


def any_file(folder: Path, chance: random.Random, pattern: str = "**/*") -> Path:
    """A file that a mutation may open: no link and no pipe that another has put there."""
    found = sorted(folder.glob(pattern))
    return chance.choice([path for path in found if path.is_file() and not path.is_symlink()])


def flip_bytes(folder: Path, chance: random.Random) -> None:
    path = any_file(folder, chance)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 3, 30))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content)


def cut(folder: Path, chance: random.Random) -> None:
    path = any_file(folder, chance)
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def repeat(folder: Path, chance: random.Random) -> None:
    path = any_file(folder, chance)
    content = path.read_bytes()
    at = chance.randrange(len(content))
    path.write_bytes(content[:at] + content[at : at + 40] * chance.choice((2, 50)) + content[at:])


def rewrite_row(folder: Path, chance: random.Random) -> None:
    path = any_file(folder, chance, "runs/*/record.json")
    row = json.loads(path.read_text())
    for _ in range(chance.choice((1, 1, 4))):
        name = chance.choice(sorted(row))
        row[name] = chance.choice((*HOSTILE, *NUMBERS))
    if chance.random() < 0.2:
        row.pop(chance.choice(sorted(row)))
    if chance.random() < 0.1:
        row[chance.choice(HOSTILE)] = 1
    path.write_text(json.dumps(row))


def hostile_but_typed(folder: Path, chance: random.Random) -> None:
    """Values that the schema allows: they reach every table and figure."""
    numbers = [each for each in NUMBERS if type(each) in (int, float)]
    kept = ("run_id", "status", "schema_version")
    for path in sorted(folder.glob("runs/*/record.json")):
        if path.is_symlink() or not path.is_file():
            continue
        row = json.loads(path.read_text())
        for name in chance.sample(sorted(set(row) - set(kept)), 3):
            kind = RUN_COLUMNS[name]
            if kind == "str":
                row[name] = chance.choice(HOSTILE)
            elif kind == "int64":
                row[name] = chance.choice((0, -1, 1, 2**31, 2**63 - 1))
            else:
                finite = [each for each in numbers if abs(each) < 1e100]
                row[name] = chance.choice((*finite, None))
        path.write_text(json.dumps(row))


def rewrite_cells(folder: Path, chance: random.Random) -> None:
    path = any_file(folder, chance, "**/*.csv")
    lines = path.read_text().splitlines()
    for _ in range(chance.choice((1, 5))):
        at = chance.randrange(len(lines))
        cells = lines[at].split(",")
        cells[chance.randrange(len(cells))] = str(chance.choice((*HOSTILE, *NUMBERS)))
        lines[at] = ",".join(cells)
    path.write_bytes(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))


def rewrite_numbers(folder: Path, chance: random.Random) -> None:
    """Numbers of a curve that a schema allows."""
    path = any_file(folder, chance, "runs/*/*.csv")
    lines = path.read_text().splitlines()
    for at in range(1, len(lines)):
        cells = lines[at].split(",")
        cells[chance.randrange(2, len(cells))] = chance.choice(
            ("0.0", "-1.0", "1e99", "-1e99", "1e-99", "5e-324", "nan", "inf", "-inf")
        )
        lines[at] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n")


def rewrite_yaml(folder: Path, chance: random.Random) -> None:
    path = any_file(folder, chance, "experiment.yaml")
    lines = path.read_text().splitlines()
    at = chance.randrange(len(lines))
    name = lines[at].partition(":")[0]
    value = chance.choice((*HOSTILE, *NUMBERS, "[[[[", "&a [*a, *a]", "!!python/name:os.system"))
    written = json.dumps(value) if chance.random() < 0.5 else str(value)
    lines[at] = f"{name}: {written}"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


def rewrite_plan(folder: Path, chance: random.Random) -> None:
    path = any_file(folder, chance, "plan.json")
    content = json.loads(path.read_text())
    name = chance.choice(sorted(content["runs"]))
    content["runs"][chance.choice((name, *HOSTILE))] = chance.choice(
        (["jfb", 0], [], ["nothing", 5], *NUMBERS, *HOSTILE)
    )
    path.write_text(json.dumps(content))


def no_file(folder: Path, chance: random.Random) -> None:
    path = any_file(folder, chance)
    path.unlink()
    make: Callable[[], Any] = chance.choice(
        (
            lambda: None,
            lambda: os.mkfifo(path),
            lambda: path.mkdir(),
            lambda: path.symlink_to(folder.parent / "secret"),
            lambda: path.symlink_to("/dev/zero"),
        )
    )
    make()


def strange_folder(folder: Path, chance: random.Random) -> None:
    runs = sorted((folder / "runs").iterdir())
    run = chance.choice(runs)
    name = chance.choice([each for each in HOSTILE if each and not set("/\0") & set(each)])
    if len(name.encode("utf-8", "surrogateescape")) > 200 or name == "..":
        shutil.copytree(run, folder / "runs" / "copy")
    else:
        run.rename(folder / "runs" / name)


def report_in_the_way(folder: Path, chance: random.Random) -> None:
    secret = folder.parent / "secret"
    make: Callable[[], Any] = chance.choice(
        (
            lambda: (folder / "report").symlink_to(folder.parent),
            lambda: (folder / "report").write_text("x"),
            lambda: _below(folder, "figures").symlink_to(folder.parent),
            lambda: _below(folder, "index.html").symlink_to(secret),
            lambda: _below(folder, "runs.csv").symlink_to(secret),
            lambda: os.mkfifo(_below(folder, "summary.csv")),
        )
    )
    make()


def _below(folder: Path, name: str) -> Path:
    (folder / "report").mkdir()
    return folder / "report" / name


MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bytes, cut, repeat, rewrite_row, rewrite_row, hostile_but_typed, hostile_but_typed),
    *(rewrite_cells, rewrite_numbers, rewrite_numbers, rewrite_yaml, rewrite_plan, no_file),
    *(strange_folder, report_in_the_way),
)


# -------------------------------------------------------------------------------------- the test


def surroundings(sandbox: Path) -> dict[str, tuple[int, int, bytes]]:
    """What lies around the folder of a case."""
    case = sandbox / "case"
    return snapshot(path for path in sandbox.rglob("*") if case not in (path, *path.parents))


def draw_fewer(monkeypatch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Two figures instead of all, coarse and without their PDF, and few resamples."""

    def save_coarsely(figure: Figure, stem: Path) -> None:
        with matplotlib.rc_context(theme()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(stem.with_suffix(".png"), dpi=30)

    chosen = chance.sample((*drawing.FIGURES, *drawing.POOLED_FIGURES), 2)
    of_gradients = chance.sample(drawing.GRADIENT_FIGURES, 1)
    monkeypatch.setattr(drawing, "save", save_coarsely)
    monkeypatch.setattr(drawing, "GRADIENT_FIGURES", tuple(of_gradients))
    for name in ("FIGURES", "POOLED_FIGURES"):
        kept = tuple(module for module in getattr(drawing, name) if module in chosen)
        monkeypatch.setattr(drawing, name, kept)


def exercise(folder: Path, untouched: Path, part: str, *, drawn: bool) -> str:
    """Do a part of what a user does with a stranger's folder; return all that would be printed."""
    said: list[str] = []
    with contextlib.suppress(UserError):
        said += read_rows(folder).damaged.values()
    try:
        results = load_results(folder)
    except UserError as error:
        return str(error)
    said += results.damaged
    try:
        said += [write_report(folder).terminal] if drawn else []
        said += {"tables": tables, "gradients": gradients}.get(part, nothing)(results)
    except UserError as error:
        said.append(str(error))
    pair = {"compare": (folder, untouched), "compare with": (untouched, folder)}.get(part)
    if pair:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            run_command_line(["compare", *map(str, pair)])
        said.append(printed.getvalue())
    return "\n".join(said)


def tables(results: Results) -> list[str]:
    if results.runs.empty:
        return []
    dataset = Dataset.of(results)
    content = page.compose_page(results, sections(dataset, results.curves, [], []))
    cells = [markdown_table(each.cells) for part in content.sections for each in part.tables]
    text = page.markdown(content)
    return [text, page.html(content, text), *cells, terminal_summary(dataset)]


def gradients(results: Results) -> list[str]:
    return [terminal_gradients(gradient_data(results))]


def nothing(results: Results) -> list[str]:
    return []


@pytest.mark.timeout(600)
@pytest.mark.soak
def test_no_damage_does_harm(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = good.parent
    (sandbox / "secret").write_text("a secret of the user")
    before = surroundings(sandbox)
    for case in range(CASES):
        chance = random.Random(SEED + case)
        folder = sandbox / "case"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        chosen = chance.choices(MUTATIONS, k=chance.choice((1, 1, 2)))
        for mutate in chosen:
            with contextlib.suppress(ValueError, IndexError, OSError, UnicodeError):
                mutate(folder, chance)  # the second may not find what the first has broken
        names = [mutate.__name__ for mutate in chosen]
        drawn = case % DRAWN_EVERY == 0 or report_in_the_way in chosen
        try:
            with within(SECONDS), monkeypatch.context() as patched:
                draw_fewer(patched, chance)
                said = exercise(folder, good, PARTS[case % len(PARTS)], drawn=drawn)
        except BaseException as error:
            error.add_note(f"case {case}: {names}")
            raise
        assert surroundings(sandbox) == before, f"case {case}: {names}"
        assert "a secret of the user" not in said, f"case {case}: {names}"
        said.encode("utf-8")
        printed = said.replace("\n", "")
        assert "\x1b" not in printed, f"case {case}: {names}"
        assert "\x07" not in printed, f"case {case}: {names}"
