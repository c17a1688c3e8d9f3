"""One run in this process: a record, whatever happens, and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest
import torch
from torch import Tensor

from bench.config.plain import from_plain
from bench.config.settings import RunConfig
from bench.experiment.identity import identity
from bench.measurement.failure import OutOfTime
from bench.measurement.run import measure
from bench.records import RunRecord, read_record, write_record
from methods.jfb import JacobianFreeBackpropagation
from tests.support.tiny_runs import TINY_TV, grid, number

pytestmark = pytest.mark.usefixtures("short_timings")

STEPS = 6
WARM_UP = 2  # passes before the first step
JUDGED = {"psnr", "ssim", "psnr_observed", "validation_psnr"}  # once a method is ready


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which stays empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def config_of(methods: str, *overrides: str) -> RunConfig:
    (spec,) = grid(methods, *overrides)
    return from_plain(spec.config)


def test_a_run_needs_no_folder_and_no_process(empty: Path) -> None:
    reported: list[object] = []
    before = psutil.Process().children()
    record = measure(
        config_of("jfb", f"train.steps={STEPS}"), lambda point: reported.append(point["step"])
    )
    assert record.row["status"] == "completed"
    assert "message" not in record.row
    assert reported == [point["step"] for point in record.curve] == list(range(STEPS + 1))
    assert len(record.steps) == number(record, "steps") == STEPS
    assert record.curve[-1]["psnr"] == record.row["validation_psnr"]
    assert [row["forward_iterations"] for row in record.memory] == [5, 10, 20]
    assert record.reconstruction[-1]["psnr"] == record.row["validation_psnr"]
    assert record.samples is not None
    assert number(record, "wall_seconds") > number(record, "train_seconds") > 0
    assert not {"run_id", "method", "seed", "config_hash"} & set(record.row)
    assert psutil.Process().children() == before
    assert list(empty.iterdir()) == []


def test_the_same_configuration_gives_the_same_numbers() -> None:
    first, second = (measure(config_of("jfb")) for _ in range(2))
    for column in ("psnr", "ssim", "forward_evaluations", "layer_contraction"):
        assert first.row[column] == second.row[column]


def test_passes_that_are_not_wanted_are_left_out() -> None:
    settings = ("memory_pass=false", "reconstruction_pass=false", "evaluate.samples=0")
    record = measure(config_of("jfb", *settings))
    assert record.row["status"] == "completed"
    assert (record.memory, record.reconstruction, record.samples) == ([], [], None)
    assert "peak_memory_bytes" not in record.row


# ---------------------------------------------------------------------------------- failed runs


@dataclass(frozen=True)
class Faulty(JacobianFreeBackpropagation):
    """JFB that does something to the image of one pass."""

    deed: Callable[[Tensor], Tensor] = lambda image: image
    at: int = WARM_UP + 3
    passes: list[int] = field(default_factory=list)

    def fixed_point(self, layer: Any, z0: Tensor, forward: Any) -> Tensor:
        self.passes.append(1)
        image = super().fixed_point(layer, z0, forward)
        return self.deed(image) if len(self.passes) == self.at else image


def raises(error: BaseException) -> Callable[[Tensor], NoReturn]:
    def deed(image: Tensor) -> NoReturn:
        raise error

    return deed


def with_fault(deed: Callable[[Tensor], Tensor], **options: Any) -> RunConfig:
    return replace(config_of("jfb", f"train.steps={STEPS}"), method=Faulty(deed=deed, **options))


def without_gradient(image: Tensor) -> Tensor:
    """The image, whose gradient is not a number."""
    image.register_hook(lambda gradient: gradient * math.nan)
    return image


@pytest.mark.parametrize("network", ["convex_potential", "dncnn[depth=3,features=4]"])
def test_weights_that_are_no_numbers_are_a_divergence(network: str) -> None:
    """The loss of that step is finite; of the next nothing is."""
    (spec,) = grid("jfb", f"train.steps={STEPS}", network=network)
    record = measure(replace(from_plain(spec.config), method=Faulty(deed=without_gradient)))
    assert record.row["status"] == "diverged"
    assert "loss" in str(record.row["message"])
    assert number(record, "steps") < STEPS


class Odd(BaseException):
    """What nobody expects."""


FAULTS: dict[str, tuple[Callable[[Tensor], Tensor], str, str, bool]] = {
    # deed, status, message, whether there is a traceback
    "diverges": (
        lambda image: image * math.nan,
        "diverged",
        "the loss is not finite (nan) at step 3",
        False,
    ),
    "exits": (raises(SystemExit(3)), "error", "the code of the run called exit(3)", True),
    "memory of a GPU": (
        raises(torch.OutOfMemoryError("CUDA out of memory\nand more")),
        "out_of_memory",
        "CUDA out of memory",
        True,
    ),
    "memory of Python": (raises(MemoryError()), "out_of_memory", "MemoryError", True),
    "memory of a CPU": (
        raises(RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")),
        "out_of_memory",
        "DefaultCPUAllocator: can't allocate memory: 9 bytes",
        True,
    ),
    "any exception": (raises(KeyError("weight")), "error", "KeyError: 'weight'", True),
    "anything else": (raises(Odd("of a plug-in")), "error", "Odd: of a plug-in", True),
    "out of time": (raises(OutOfTime("after 9 s")), "timeout", "after 9 s", False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_a_status_of_the_record_with_what_was_measured_before(
    fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deed, status, message, with_traceback = FAULTS[fault]
    record = measure(with_fault(deed))
    assert (record.row["status"], record.row["message"]) == (status, message)
    assert [point["step"] for point in record.curve] == [0, 1, 2]
    assert all(math.isfinite(float(str(point["psnr"]))) for point in record.curve)
    losses = [float(str(row["loss"])) for row in record.steps]
    assert len(losses) == number(record, "steps") == (3 if status == "diverged" else 2)
    assert number(record, "train_seconds") > 0
    assert number(record, "vjps") > 0
    assert not JUDGED & set(record.row)
    assert (record.images, record.samples) == ([], None)
    assert number(record, "validation_psnr_observed") > 0
    assert ("Traceback" in capsys.readouterr().err) is with_traceback


def test_a_failure_after_training_keeps_the_quality() -> None:
    record = measure(with_fault(raises(ValueError("late")), at=WARM_UP + STEPS + 1))
    assert (record.row["status"], record.row["message"]) == ("error", "ValueError: late")
    assert set(record.row) > JUDGED
    assert len(record.images) == 2
    assert record.reconstruction
    assert record.samples is not None
    assert "peak_memory_bytes" not in record.row


def test_a_failure_before_training_is_a_record_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError("no images")

    monkeypatch.setattr("bench.measurement.run.make_pairs", fail)
    record = measure(config_of("jfb"))
    assert (record.row["status"], record.row["message"]) == ("error", "OSError: no images")
    assert record.curve == record.steps == []
    assert record.samples is None


def test_an_interrupt_is_not_caught() -> None:
    with pytest.raises(KeyboardInterrupt):
        measure(with_fault(raises(KeyboardInterrupt())))


# ---------------------------------------------------------- how solves ended, and what was tuned


def measured(methods: str, results: Path, *overrides: str) -> RunRecord:
    """What is read of a run once its record is written."""
    (spec,) = grid(methods, *overrides)
    record = measure(from_plain(spec.config))
    row = {**identity(spec), **record.row}
    return read_record(write_record(results, replace(record, row=row)))


def counts(record: RunRecord, column: str) -> dict[str, int]:
    text = str(record.row[column])
    return dict(json.loads(text)) if text else {}


def test_how_solves_ended_is_counted_by_sample(tmp_path: Path) -> None:
    images, samples = 2, 2 * 8  # of the test; of two steps
    jfb = measured("jfb", tmp_path)
    assert counts(jfb, "forward_statuses") == {"converged": images}
    assert number(jfb, "forward_converged_fraction") == 1
    assert counts(jfb, "adjoint_statuses") == {}
    ift = measured("ift[max_iterations=1]", tmp_path, "forward.max_iterations=1")
    assert sum(counts(ift, "forward_statuses").values()) == images
    assert "converged" not in counts(ift, "forward_statuses")
    assert sum(counts(ift, "adjoint_statuses").values()) == samples
    exact = measured("ift", tmp_path)
    assert counts(exact, "adjoint_statuses") == {"converged": samples}
    assert number(exact, "adjoint_converged_fraction") == 1


def test_what_was_tuned_is_recorded(tmp_path: Path) -> None:
    tv = measured(TINY_TV, tmp_path)
    assert tv.row["status"] == "completed"
    (weight,) = json.loads(str(tv.row["tuned_parameters"])).values()
    assert weight > 0
    assert number(tv, "tune_seconds") > 0
    assert tv.row["forward_statuses"] == tv.row["adjoint_statuses"] == ""
    assert measured("jfb", tmp_path).row["tuned_parameters"] == ""
