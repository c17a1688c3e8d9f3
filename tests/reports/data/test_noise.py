"""The noise floor: what it is read from, what it counts for, and which times it marks."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.records import Results, load_results, write_experiment
from reports.data.dataset import Dataset
from reports.data.noise import MARK, NoiseFloor
from reports.figures import drift
from reports.figures.view import views
from reports.report import write_report
from reports.tables.training import training_table
from tests.support import records as factories

FLOOR = {"relative": 0.9, "kind": "quick estimate", "pairs": 3, "device": "cpu", "num_threads": 1}
WIDE = {**FLOOR, "relative": 1.5}  # over two seeds wider than from 5 s, of dncnn, to 10 s
CONDITIONS = pd.DataFrame({"device": ["cpu", "cpu"], "num_threads": [1.0, 1.0]})


@pytest.mark.parametrize(
    "stated",
    [None, "x", [], {}, *({"relative": value} for value in ("x", True, -1.0, math.nan, 1e9))],
)
def test_a_floor_that_is_not_one_is_unknown(stated: object) -> None:
    floor = NoiseFloor.read({"noise_floor": stated})
    assert not floor.known
    assert math.isnan(floor.of(CONDITIONS))
    assert "was not measured" in floor.describe(CONDITIONS)


@pytest.mark.parametrize(
    ("changes", "relative"),
    [
        ({}, 0.9),
        ({"device": "cuda"}, math.nan),
        ({"device": ["cpu"]}, math.nan),
        ({"num_threads": 2}, math.nan),
        ({"num_threads": None}, math.nan),
    ],
)
def test_a_floor_counts_for_its_device_and_threads(
    changes: dict[str, object], relative: float
) -> None:
    floor = NoiseFloor.read({"noise_floor": {**FLOOR, **changes}})
    assert floor.of(CONDITIONS) == pytest.approx(relative, nan_ok=True)
    assert ("does not count for the 2 runs" in floor.describe(CONDITIONS)) == math.isnan(relative)


def test_a_floor_that_counts_for_some_of_the_runs_counts_not_for_their_mean() -> None:
    mixed = CONDITIONS.assign(device=["cpu", "cuda"])
    floor = NoiseFloor.read({"noise_floor": FLOOR})
    assert math.isnan(floor.of(mixed))
    assert "does not count for the 1 run " in floor.describe(mixed)
    assert math.isnan(floor.of(CONDITIONS.iloc[:0]))


def test_the_floor_is_described(results: Results) -> None:
    dataset = Dataset.of(results)
    assert dataset.floor.relative == pytest.approx(0.0824)
    text = dataset.floor.describe(dataset.runs)
    assert "The noise floor is 8.2 % for a training step, 8.2 % for the time of an image:" in text
    assert "It is unknown for the time to the target." in text
    assert "It is a quick estimate, of 3 interleaved pairs of short runs" in text
    assert "does not count" not in text


def test_a_floor_is_a_quantile_times_a_deviation() -> None:
    stated = {**FLOOR, "relative": 0.1, "measures": {"image": 0.2, "calibration": "x"}}
    step, image, calibration = (
        NoiseFloor.read({"noise_floor": stated}).of_measure(name)
        for name in ("step", "image", "calibration")
    )
    # Student's quantile with 3 degrees of freedom is 3.182.
    assert step.deviation == pytest.approx(math.log(1.1) / 3.182446)
    assert (step.freedom, step.quick) == (3, True)
    assert (step.floor, image.floor) == (pytest.approx(0.1), pytest.approx(0.2))
    assert not calibration.known
    # An older file multiplied by 1.96, which three pairs do not allow.
    del stated["kind"]
    older = NoiseFloor.read({"noise_floor": stated})
    assert older.of_measure("step").deviation == pytest.approx(math.log(1.1) / 1.96)
    assert older.relative == pytest.approx(math.expm1(3.182446 * math.log(1.1) / 1.96))


def test_a_floor_counts_for_its_machine_where_both_state_one() -> None:
    floor = NoiseFloor.read({"noise_floor": {**FLOOR, "fingerprint": "a"}})
    assert floor.of(CONDITIONS) == pytest.approx(0.9)  # runs that do not state one
    assert floor.of(CONDITIONS.assign(fingerprint=["a", ""])) == pytest.approx(0.9)
    assert math.isnan(floor.of(CONDITIONS.assign(fingerprint=["a", "b"])))
    unstated = NoiseFloor.read({"noise_floor": FLOOR})
    assert unstated.of(CONDITIONS.assign(fingerprint=["a", "b"])) == pytest.approx(0.9)


def of_seed_0(results: Results, floor: dict[str, object]) -> Results:
    """Without a second seed nothing but the floor tells the noise of a time."""
    runs = results.runs[results.runs["seed"] == 0]
    return replace(results, runs=runs, experiment={"noise_floor": floor})


def training_times(results: Results) -> list[str]:
    return list(training_table(Dataset.of(results, "gain=5")).cells["training time (s)"])


def test_times_of_several_machines_are_not_compared(results: Results) -> None:
    noisy = of_seed_0(results, WIDE)
    assert training_times(noisy) == ["≈ 10.0", "≈ 30.0", "≈ 15.0", "50.0", "5.00"]
    elsewhere = noisy.runs["fingerprint"].mask(noisy.runs["method"] == "dncnn", "other")
    elsewhere = elsewhere.mask(noisy.runs["method"] == "phantom", "another")
    mixed = replace(noisy, runs=noisy.runs.assign(fingerprint=elsewhere))
    shown = training_times(mixed)
    assert MARK not in "".join(shown)
    assert shown[2] == "? 15.0"


def test_times_that_the_floor_does_not_tell_apart_are_marked(results: Results) -> None:
    noisy = of_seed_0(results, {**FLOOR, "relative": 0.3})
    alone = replace(noisy, runs=noisy.runs[noisy.runs["method"] != "dncnn"])
    # jfb takes 10 s, phantom 15 s: more than 30 % more, but one of six pairs differs by chance.
    assert training_times(alone) == ["10.0", "30.0", "≈ 15.0", "50.0"]
    # Nothing is known of the noise of the time to the target.
    shown = training_table(Dataset.of(alone, "gain=5")).cells["time to target (s)"]
    assert MARK not in "".join(shown)
    assert "? " in "".join(shown)


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("elsewhere", [{"device": "cuda"}, {"num_threads": 8}])
def test_the_floor_of_another_device_marks_nothing(
    tmp_path: Path, elsewhere: dict[str, object]
) -> None:
    folder = factories.write_results(tmp_path, seeds=1)
    write_experiment(folder / "experiment.yaml", {"noise_floor": WIDE})
    assert MARK in (write_report(folder).folder / "training.md").read_text()
    write_experiment(folder / "experiment.yaml", {"noise_floor": {**WIDE, **elsewhere}})
    written = write_report(folder).folder
    for name in ("training.md", "reconstruction.md"):
        assert MARK not in (written / name).read_text()
    assert "does not count for the 7 runs" in (written / "report.md").read_text()
    factories.write_results(folder)
    write_experiment(folder / "experiment.yaml", {"noise_floor": {**WIDE, **elsewhere}})
    figure = drift.draw(views(Dataset.of(load_results(folder))))
    assert figure is not None
    assert "noise floor" not in figure.get_suptitle()
