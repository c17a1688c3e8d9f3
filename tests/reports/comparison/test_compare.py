"""`bench compare` on folders whose difference is known."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bench.errors import UserError
from bench.records import RUN_COLUMNS, Plan, RunRecord, load_results, write_record
from bench.records.plan import plan_of
from bench.records.schema import columns_of_version
from reports import format
from reports.comparison.changes import Change, Context, changes
from reports.comparison.compare import compare_folders
from reports.comparison.differences import differences
from reports.comparison.matching import Pair, match_runs
from reports.comparison.measures import BACKWARD, MEMORY, PSNR, TRAINING_STEP
from reports.comparison.verdict import Limits
from reports.data.labels import with_labels, with_workloads
from reports.stats.intervals import crossed_interval, mean_interval
from tests.support import records as factories
from tests.support.compared import (
    METHODS,
    Edit,
    Row,
    compare,
    folder,
    setting,
    slower_backward,
    times,
)


def plus(column: str, amount: float, method: str = "jfb") -> Edit:
    def edit(row: Row) -> None:
        if row["method"] == method:
            row[column] += amount

    return edit


def fails(row: Row) -> None:
    if row["method"] == "jfb" and row["seed"] == 1:
        row |= {"status": "error", "message": "it broke", "psnr": None}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return folder(tmp_path / "a")


def test_equal_folders(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(base, base) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "machine, versions, commit and settings are equal" in printed.out
    assert "9 pairs of runs\n" in printed.out
    quality, times = [line for line in printed.out.splitlines() if line.startswith("jfb")]
    assert quality.split()[:2] == times.split()[:2] == ["jfb", "3"]
    assert "0.00   [0.00, 0.00] =" in quality
    assert times.count("1.00 [0.98, 1.02]") == 4
    assert times.count("=") == 2  # phases of a step are shown, and not judged
    assert "noise floor of one run: " in printed.out
    assert "no calibration is known: a slower machine would look like slower code" in printed.out
    assert printed.out.endswith("no regression\n")
    assert max(map(len, printed.out.splitlines())) <= 120


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_tables_fit_a_terminal_and_break_no_cell(
    base: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(format, "terminal_width", lambda: width)
    lines = compare_folders(base, base, Limits()).lines
    tables = lines[lines.index("9 pairs of runs") :]
    assert max(map(len, tables)) <= width
    assert sum(line.count("1.00 [0.98, 1.02]") for line in tables) == 2 * 4 + 1


def test_a_slower_backward_is_a_regression(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = folder(tmp_path / "b", slower_backward)
    assert compare(base, slow) == 1
    printed = capsys.readouterr().out
    assert printed.endswith(
        "1 regression:\n  motion 32 degrad jfb: training step × 1.30 [1.27, 1.33], limit × 1.05 "
        "(forward × 1.00, backward × 2.00)\n"
    )
    assert compare(slow, base) == 0  # faster is none
    assert compare(base, slow, "--max-slowdown", "1.31") == 0  # inconclusive is no regression
    assert "1 inconclusive:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("edit", "options", "expected"),
    [
        (plus("psnr", -0.11), (), "jfb: PSNR -0.11 dB [-0.11, -0.11], limit 0.1 dB"),
        (plus("psnr", -0.1), (), ""),  # the limit itself is allowed, whatever the rounding
        (plus("psnr", -0.11), ("--max-psnr-drop", "0.2"), ""),
        (plus("psnr", 5.0), (), ""),
        (times(1.2, "reconstruct_seconds_per_image", method="tv"), (), "tv: reconstruction × 1.20"),
        (
            times(1.06, "peak_memory_bytes"),
            (),
            "jfb: peak memory × 1.06 [1.06, 1.06], limit × 1.05",
        ),
        (times(1.06, "peak_memory_bytes"), ("--max-memory", "1.1"), ""),
        (times(1.5, "backward_seconds"), (), ""),  # judged is the whole training step
        (fails, (), "motion 32 degrad jfb seed 1: completed → error (it broke)"),
    ],
)
def test_what_is_a_regression(
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    edit: Edit,
    options: tuple[str, ...],
    expected: str,
) -> None:
    assert compare(base, folder(tmp_path / "b", edit), *options) == (1 if expected else 0)
    printed = capsys.readouterr().out
    assert expected in printed
    assert ("1 regression:" in printed) == bool(expected)


def test_what_is_missing_in_b_or_no_number_fails_by_name(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    b = folder(tmp_path / "b", methods=("jfb", "tv"))
    assert compare(base, b) == 1
    assert "  missing in B: motion 32 degrad ift seeds 0 1 2\n" in capsys.readouterr().out
    assert compare(b, base) == 0  # more in B is no loss
    capsys.readouterr()

    def no_number(row: Row) -> None:
        if row["method"] == "ift" and row["seed"] == 2:
            row["psnr"] = None

    assert compare(base, folder(tmp_path / "c", no_number)) == 1
    expected = "  motion 32 degrad ift seed 2: its PSNR is not a number\n"
    assert expected in capsys.readouterr().out


def images(path: Path, **shifts: float) -> None:
    """Give every run 16 test images; those of a method are shifted, each as well by its number."""
    for row in load_results(path).runs.to_dict("records"):
        random = np.random.default_rng(row["seed"])
        shift = shifts.get(row["method"], 0.0)
        rows = [
            {"image": at, "psnr": 30 + value + shift * (1 + at / 16), "ssim": 0.9}
            for at, value in enumerate(random.normal(0, 5, 16))
        ]
        write_record(path, RunRecord(row, images=rows))


def test_quality_is_compared_image_by_image(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    b = folder(tmp_path / "b")
    images(base)
    images(b, jfb=-0.4)
    assert compare(base, b) == 1
    printed = capsys.readouterr().out
    assert "over pairs of seeds and test images" in printed
    # The images differ by 5 dB among each other, and by 0.1 dB in what they lost.
    assert re.search(r"jfb: PSNR -0\.59 dB \[-0\.6\d, -0\.5\d\]", printed)
    assert "1 regression:" in printed


def test_quality_on_other_test_images_is_not_compared(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = folder(tmp_path / "b", lambda row: setting(row, psnr=row["psnr"] - 1))
    for path in older.rglob("record.json"):
        row = json.loads(path.read_text())
        kept = {name: row[name] for name in columns_of_version(RUN_COLUMNS, 4)}
        path.write_text(json.dumps({**kept, "schema_version": 4}))
    assert compare(older, base) == 0
    printed = capsys.readouterr().out
    assert "PSNR is not compared: the records of one folder are older" in printed
    assert "B - A (dB)" not in printed
    assert compare(older, older) == 0
    assert "B - A (dB)" in capsys.readouterr().out


def test_memory_measured_in_another_way_is_not_compared(base: Path, tmp_path: Path) -> None:
    def cuda(row: Row) -> None:
        row["peak_memory_source"] = "cuda"

    assert compare(base, folder(tmp_path / "b", times(9.0, "peak_memory_bytes"), cuda)) == 0


def test_one_method_is_compared_with_another(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def renamed(row: Row) -> None:
        if row["method"] == "jfb":
            row |= {"method": "mine", "method_params": '{"steps": 3}'}

    mine = folder(tmp_path / "b", slower_backward, renamed)
    assert compare(base, mine) == 1  # B has no jfb
    printed = capsys.readouterr().out
    assert "only in A, 3 not compared: motion 32 degrad jfb seeds 0 1 2" in printed
    assert "only in B, 3 not compared: motion 32 degrad mine seeds 0 1 2" in printed
    assert compare(base, mine, "--match", "mine=jfb") == 1
    printed = capsys.readouterr().out
    assert "only in" not in printed
    assert "degrad mine / jfb: training step × 1.30" in printed
    # Within one folder: ift takes three times as long as jfb.
    assert compare(base, base, "--match", "ift=jfb") == 1
    printed = capsys.readouterr().out
    assert "degrad ift / jfb: training step × 3.00" in printed
    assert "missing in B" not in printed  # the ift of A is not what B's is compared with
    assert "only in A, 3 not compared: motion 32 degrad ift seeds 0 1 2" in printed


def test_runs_without_a_partner_and_failed_in_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = (*METHODS, "phantom", "dncnn", "pnp_admm")
    a = folder(tmp_path / "a", fails, methods=many)
    b = folder(tmp_path / "b", fails, seeds=2)
    assert compare(a, b) == 1
    printed = capsys.readouterr().out
    assert "6 pairs of runs, 5 completed" in printed
    assert "only in A, 12 not compared: motion 32 degrad jfb seed 2; " in printed
    assert "not completed in A, in B or in both: motion 32 degrad jfb seed 1" in printed
    assert max(map(len, printed.splitlines())) <= 120
    assert "[?]" in printed  # one pair of jfb has no interval


def pairs_of(a: list[Row], b: list[Row] | None = None) -> list[Pair]:
    """Runs paired with those of the same names, or with themselves."""
    empty = dict.fromkeys(("problem_params", "layer_params", "network", "network_params"), "")
    stored = [[{"schema_version": 5, **empty, **row} for row in rows] for rows in (a, b or a)]
    runs = [with_labels(with_workloads(pd.DataFrame(each))) for each in stored]
    return match_runs(*runs).pairs


def layered(**params: object) -> Row:
    return {
        **factories.run_row("jfb"),
        "layer_params": json.dumps(params),
        "network": "convex_potential",
    }


def test_a_swept_layer_is_compared_with_the_same_parameters() -> None:
    rows = [layered(lipschitz=rho) for rho in (0.9, 0.99)]
    found = [
        (pair.a["layer_params"], pair.b["layer_params"]) for pair in pairs_of(rows, rows[::-1])
    ]
    assert len(found) == 2
    assert all(a == b for a, b in found)


@pytest.mark.parametrize("before", [{"lipschitz": 0.9}, None], ids=["told", "untold"])
def test_one_layer_is_compared_whatever_its_parameters(before: dict[str, float] | None) -> None:
    """What a setting does is what two folders may be compared for; older records tell neither."""
    older = layered(**before) if before else {**factories.run_row("jfb"), "network": ""}
    assert len(pairs_of([older], [layered(lipschitz=0.99)])) == 1


def test_another_network_is_another_workload() -> None:
    with pytest.raises(UserError, match="no run of B matches"):
        pairs_of([layered()], [{**layered(), "network": "dncnn"}])


def told(experiment: Row) -> SimpleNamespace:
    """What `differences` reads of results."""
    runs = experiment.get("runs")
    plan = plan_of({"runs": runs}, None) if isinstance(runs, dict) else Plan()
    return SimpleNamespace(experiment=experiment, plan=plan)


def test_what_differs_is_said_in_short() -> None:
    runs = [factories.run_row("jfb", seed) for seed in (0, 1)]
    pairs = pairs_of(runs)

    def experiment(steps: int, **changes: object) -> SimpleNamespace:
        config = {"train": {"steps": steps}, "problem": {"parameters": {"kernel_size": steps / 2}}}
        described = {run["run_id"]: {"config": config} for run in runs}
        return told({"runs": described, "started_at": steps, "plugins": [], **changes})

    old = experiment(300, versions={"torch": "2.11", "numpy": "2.4"}, commit="abc")
    new = experiment(600, versions={"torch": "2.12", "numpy": "2.4"}, commit=None)
    assert differences(old, new, pairs) == {
        "versions": ["torch: 2.11 → 2.12"],
        "commit": ["abc → —"],
        "settings": ["train.steps: 300 → 600", "problem.kernel_size: 150 → 300"],
    }
    assert differences(old, old, pairs) == {}


def test_a_strangers_experiment_neither_hangs_nor_speaks() -> None:
    pairs = pairs_of([factories.run_row()])
    endless: Row = {"x": 1}
    endless["self"], endless["list"] = endless, [endless]
    evil = {"machine": "\x1b[2J" * 99, "plugins": endless, "runs": [1], "commit": math.inf}
    other = told({"plugins": dict(endless, self=endless)})
    assert differences(told(evil), other, pairs).keys() == {"machine", "commit"}
    found = differences(told(evil), told({"plugins": {"self": {"self": {"x": 2}}}}), pairs)
    assert all(line.isprintable() and len(line) < 120 for each in found.values() for line in each)
    assert "plugins.self.self.x: 1 → 2" in found["settings"]


def paired_changes(edit: Edit, seeds: int = 3) -> dict[str, Change]:
    """The changes of one cell, without noise, by measure."""
    rows = [factories.run_row("jfb", seed) for seed in range(seeds)]
    edited = [dict(row) for row in rows]
    for row in edited:
        edit(row)
    found = changes(pairs_of(rows, edited), Context())
    return {change.measure.name: change for change in found}


def test_changes_by_hand() -> None:
    def edit(row: Row) -> None:
        row["psnr"] += (0.1, 0.2, 0.6)[row["seed"]]
        row["train_seconds"] *= (1.0, 2.0, 4.0)[row["seed"]]

    found = paired_changes(edit)
    psnr, step = found[PSNR.name].interval, found[TRAINING_STEP.name].interval
    expected = mean_interval(np.array([0.1, 0.2, 0.6]))
    assert (psnr.low, psnr.high) == pytest.approx((expected.low, expected.high))
    # The geometric mean of 1, 2 and 4, whose logarithms deviate by log 2.
    assert step.estimate == pytest.approx(2.0)
    assert math.log(step.high / 2) == pytest.approx(4.302653 * math.log(2) / math.sqrt(3), rel=1e-5)
    assert found[BACKWARD.name].interval.estimate == pytest.approx(1.0)
    assert found[MEMORY.name].a == 20 * 2**20
    assert not paired_changes(edit, seeds=1)[PSNR.name].interval.known


def test_a_test_of_no_change_is_not_stretched() -> None:
    runs = [factories.run_row("jfb", seed) for seed in range(3)]
    random = np.random.default_rng(0)
    table = np.array([[0.0], [0.1], [0.7]]) + random.normal(0, 0.2, (3, 16))
    pairs = pairs_of(runs)
    images = {pair.a["run_id"]: table[at] for at, pair in enumerate(pairs)}
    nothing = {run_id: np.zeros(16) for run_id in images}
    (psnr, *_) = changes(pairs, Context(nothing, images))
    assert psnr.change(0.95) == crossed_interval(table)
    assert psnr.change(0.99) == crossed_interval(table, 0.99, symmetric=True)
    assert psnr.change(0.99) != crossed_interval(table, 0.99)


def test_a_ratio_of_nothing_is_left_out() -> None:
    found = paired_changes(lambda row: setting(row, train_seconds=0.0, peak_memory_bytes=math.nan))
    assert TRAINING_STEP.name not in found
    assert MEMORY.name not in found
    assert PSNR.name in found
