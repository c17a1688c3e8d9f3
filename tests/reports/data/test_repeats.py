"""The noise of full-length repeats, found beside the grid that they repeat a run of."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bench.records import RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.data.repeats import noise_of_executions
from tests.support import records as factories

PACES = (1.0, 1.1, 1.3)


def write_repeats(folder: Path, paces: tuple[float, ...] = PACES, **changes: object) -> None:
    folder.mkdir()
    write_experiment(folder / "experiment.yaml", {})
    for number, pace in enumerate(paces):
        row = factories.run_row("jfb", run_id=f"motion-32-degrad-jfb-s0-r{number}", **changes)
        row["train_seconds"] = 10.0 * pace
        row["reconstruct_seconds_per_image"] = 0.004 * pace**2
        curve = factories.curve("jfb")
        timed = [
            {**point, "train_seconds": pace * float(str(point["train_seconds"]))} for point in curve
        ]
        write_record(folder, RunRecord(row, timed))


def read(folder: Path) -> Dataset:
    return Dataset.of(load_results(folder), "gain=5")


def test_noise_of_executions_by_hand() -> None:
    noise = noise_of_executions(np.exp([0.0, 0.1, 0.2]))
    assert noise.deviation == pytest.approx(math.sqrt(2) * 0.1)
    assert (noise.freedom, noise.quick) == (2, False)
    assert noise.margin == pytest.approx(4.302653 * math.sqrt(2) * 0.1)
    for unknown in ([1.0], [], [1.0, math.inf], [1.0, math.nan], [1.0, 0.0]):
        assert not noise_of_executions(np.array(unknown)).known


def test_repeats_take_the_place_of_the_quick_estimate(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path / "grid")
    write_repeats(folder / "repeats")
    dataset = read(folder)
    deviation = math.sqrt(2) * np.log(PACES).std(ddof=1)
    for measure, factor in (("step", 1), ("target", 1), ("image", 2)):
        noise = dataset.floor.of_measure(measure)
        assert noise.deviation == pytest.approx(factor * deviation)
        assert (noise.freedom, noise.quick) == (2, False)
    assert dataset.floor.of_measure("calibration").quick
    assert len(dataset.runs) == 14  # the repeats are no runs of the grid
    text = dataset.floor.describe(dataset.runs)
    assert "It was measured by 3 full-length repeats of one run." in text
    assert "quick" not in text
    assert "unknown" not in text


def test_a_target_that_a_repeat_does_not_keep_has_no_noise(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path / "grid")
    write_repeats(folder / "repeats")
    dataset = Dataset.of(load_results(folder), "psnr=50")
    assert not dataset.floor.of_measure("target").known
    assert dataset.floor.of_measure("step").known


def test_repeats_of_another_device_say_nothing_of_the_quick_estimate(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path / "grid")
    write_repeats(folder / "repeats", num_threads=4)
    floor = read(folder).floor
    assert floor.num_threads == 4
    assert not floor.of_measure("calibration").known


@pytest.mark.parametrize("paces", [(), (1.0,)])
def test_too_few_repeats_are_ignored_with_a_note(tmp_path: Path, paces: tuple[float, ...]) -> None:
    folder = factories.write_results(tmp_path / "grid")
    write_repeats(folder / "repeats", paces)
    dataset = read(folder)
    assert dataset.floor.relative == pytest.approx(0.0824)
    assert "repeats were not used" in dataset.floor.describe(dataset.runs)


def test_a_folder_that_is_no_results_folder_is_ignored_with_a_note(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path / "grid")
    (folder / "repeats").mkdir()
    assert "not a results folder" in read(folder).floor.note
    assert read(folder).floor.relative == pytest.approx(0.0824)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path / "grid")
    write_repeats(tmp_path / "elsewhere")
    (folder / "repeats").symlink_to(tmp_path / "elsewhere")
    assert read(folder).floor.of_measure("step").quick
