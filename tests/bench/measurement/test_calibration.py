"""The calibration of a run: what is timed, and that no number or clock of the run knows of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import pytest
import torch
from torch import Tensor

from bench.config.plain import from_plain
from bench.config.settings import RunConfig
from bench.measurement import calibration, evaluation, run, training, training_log
from bench.measurement import clock as clocks
from bench.measurement.calibration import calibrate, calibrate_after
from bench.measurement.failure import OutOfTime
from bench.measurement.run import measure
from bench.records import RunRecord
from methods.jfb import JacobianFreeBackpropagation
from tests.support.tiny_runs import grid, number

CLOCKS = ("setup_seconds", "warm_up_seconds", "train_seconds", "eval_seconds", "memory_seconds")
HOUR = 3600.0


class FakeClock:
    """Each repetition takes the next of these seconds."""

    def __init__(self, *durations: float) -> None:
        self.durations, self.now, self.timing = list(durations), 0.0, False

    def perf_counter(self) -> float:
        if self.timing:
            self.now += self.durations.pop(0)
        self.timing = not self.timing
        return self.now


def test_the_first_repetition_is_dropped_and_the_others_fill_a_fifth_of_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = FakeClock(9.0, 0.04, 0.06, 0.05, 0.07, 1.0)
    monkeypatch.setattr(calibration, "time", clock)
    assert calibrate("cpu") == pytest.approx(0.055)  # the median of the four
    assert clock.durations == [1.0]  # 0.22 s is enough


def test_one_repetition_is_enough_on_a_machine_that_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calibration, "time", FakeClock(9.0, 5.0))
    assert calibrate("cpu") == 5.0


def test_no_generator_is_drawn_from_and_gradients_are_taken_where_they_are_off() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    with torch.no_grad():
        assert calibrate("cpu") > 0
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("error", [RuntimeError("CUDA error"), OutOfTime("after 9 s")])
def test_where_a_run_has_left_nothing_to_calibrate_with_there_is_no_value(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(device: str) -> NoReturn:
        raise error

    monkeypatch.setattr(calibration, "calibrate", fail)
    assert math.isnan(calibrate_after("cpu"))


# ------------------------------------------------------------------------------------- in a run


def config() -> RunConfig:
    (spec,) = grid("jfb")
    return from_plain(spec.config)


def test_a_run_is_calibrated_before_and_after_and_names_its_machine() -> None:
    record = measure(config())
    assert number(record, "calibration_before") > 0
    assert number(record, "calibration_after") > 0
    assert len(str(record.row["fingerprint"])) == 12
    assert "probe" in str(record.row["machine_identity"])


def test_a_run_that_fails_is_calibrated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError("no images")

    monkeypatch.setattr(run, "make_pairs", fail)
    record = measure(config())
    assert record.row["status"] == "error"
    assert number(record, "calibration_before") > 0
    assert number(record, "calibration_after") > 0
    assert record.row["fingerprint"]


class LateClock:
    """The module `time` with a performance counter that can be put forward."""

    process_time = staticmethod(time.process_time)

    def __init__(self) -> None:
        self.late = 0.0

    def perf_counter(self) -> float:
        return time.perf_counter() + self.late


def test_no_clock_of_a_run_counts_the_calibrations(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = LateClock()

    def slow(device: str) -> float:
        clock.late += HOUR
        return 1.0

    for module in (run, training, training_log, evaluation, clocks):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(run, "calibrate_after", slow)
    monkeypatch.setattr(run, "calibrate", slow)
    record = measure(config())
    assert record.row["status"] == "completed"
    assert clock.late == 2 * HOUR
    assert all(number(record, name) < HOUR for name in (*CLOCKS, "wall_seconds"))


@dataclass(frozen=True)
class Noisy(JacobianFreeBackpropagation):
    """JFB with noise from the global generator, as a plug-in may draw it."""

    def fixed_point(self, layer: Any, z0: Tensor, forward: Any) -> Tensor:
        image = super().fixed_point(layer, z0, forward)
        return image + 0.01 * torch.randn_like(image)


def test_the_numbers_of_a_run_do_not_depend_on_probe_and_calibration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noisy = replace(config(), method=Noisy())
    first = measure(noisy)
    monkeypatch.setattr(run, "machine_columns", lambda *_: {})
    monkeypatch.setattr(run, "calibrate", lambda device: 1.0)
    second = measure(noisy)
    assert first.row["status"] == second.row["status"] == "completed"
    for column in ("psnr", "ssim", "forward_evaluations", "layer_contraction"):
        assert first.row[column] == second.row[column]
    assert numbers_of(first) == numbers_of(second)


def numbers_of(record: RunRecord) -> str:
    """The curve without its times, as text: NaN equals NaN."""
    return repr([{k: v for k, v in row.items() if k != "train_seconds"} for row in record.curve])
