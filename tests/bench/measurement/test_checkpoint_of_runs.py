"""Checkpoints of whole runs, whose processes are killed."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.config.plain import from_plain
from bench.execution import worker
from bench.execution.order import Order
from bench.experiment.files import CHECKPOINTS
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from bench.experiment.spec import RunSpec
from bench.measurement import training as training_module
from bench.measurement.checkpoint import Checkpoint
from bench.measurement.run import measure
from bench.records import RunRecord, read_record
from tests.support.interrupted import (
    EVERY_STEP,
    without_times,
)
from tests.support.tiny_runs import grid, make, number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / CHECKPOINTS / "run.safetensors"


def run(spec: RunSpec, path: Path) -> RunRecord:
    return measure(from_plain(spec.config), checkpoint=Checkpoint(path, "key", EVERY_STEP))


# Once it has reported a step of which there is a checkpoint, it waits to be killed.
CHILD = """
import json, signal, sys
from pathlib import Path
from bench.config.plain import from_plain
from bench.measurement.checkpoint import Checkpoint
from bench.measurement.run import measure
from bench.plugins import load_builtins

def report(point):
    if point["step"] == 4:
        print("here", flush=True)
        signal.pause()

load_builtins()
path, every_seconds = Path(sys.argv[1]), float(sys.argv[2])
measure(from_plain(json.load(sys.stdin)), report, Checkpoint(path, "key", every_seconds))
"""


def killed_in_the_middle(spec: RunSpec, path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(path), str(EVERY_STEP)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as child:
        json.dump(spec.config, child.stdin)
        child.stdin.close()
        assert child.stdout.readline() == "here\n"
        child.kill()
        assert child.wait() == -signal.SIGKILL


def test_run_whose_process_is_killed_goes_on_in_another(path: Path) -> None:
    (spec,) = grid("jfb", "train.steps=6")
    killed_in_the_middle(spec, path)
    assert path.exists()
    resumed, expected = run(spec, path), measure(from_plain(spec.config))
    assert (number(resumed, "resumptions"), number(expected, "resumptions")) == (1, 0)
    assert number(resumed, "wall_seconds") > number(resumed, "train_seconds")
    for column in (
        *("psnr", "ssim", "validation_psnr", "steps", "forward_evaluations", "vjps"),
        *("layer_contraction", "forward_statuses", "adjoint_statuses"),
    ):
        assert resumed.row[column] == expected.row[column], column
    budgets = [[row["iterations"] for row in each.reconstruction] for each in (resumed, expected)]
    assert budgets[0] == budgets[1]
    for table in ("curve", "steps"):
        rows = [
            [without_times(row) for row in getattr(each, table)] for each in (resumed, expected)
        ]
        assert repr(rows[0]) == repr(rows[1])


@pytest.mark.parametrize("fault", ["diverged", "error"])
def test_failed_run_says_what_its_checkpoints_took(
    fault: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spec,) = grid("jfb", "train.steps=6")
    loss = training_module.training_loss
    calls: list[int] = []

    def failing(*given: Any) -> Any:
        calls.append(1)
        if len(calls) < 5:
            return loss(*given)
        if fault == "error":
            raise ValueError("on purpose")
        return loss(*given) * math.nan

    monkeypatch.setattr(training_module, "training_loss", failing)
    record = run(spec, path)
    assert record.row["status"] == fault
    assert number(record, "resumptions") == 0
    assert number(record, "checkpoint_seconds") > 0


@pytest.mark.parametrize(
    ("settings", "status"), [((), "completed"), (("train.learning_rate=1e30",), "diverged")]
)
def test_checkpoint_goes_when_the_record_is_written(
    settings: tuple[str, ...], status: str, tmp_path: Path
) -> None:
    """A retry starts anew: from where the training failed, it would fail again."""
    every = f"checkpoint_every_seconds={EVERY_STEP}"
    (spec,) = grid("jfb", "train.steps=6", "train.loss=mse", every, *settings)
    make([spec], tmp_path)
    record = read_record(tmp_path / "runs" / spec.run_id)
    assert record.row["status"] == status
    assert number(record, "checkpoint_seconds") > 0
    assert not (tmp_path / CHECKPOINTS).exists()


def test_no_checkpoint_is_written_unless_asked_for(path: Path) -> None:
    (spec,) = grid("jfb")
    config, written = from_plain(spec.config), []
    assert config.checkpoint_every_seconds == 0
    checkpoint = Checkpoint(path, "key", config.checkpoint_every_seconds)
    measure(config, lambda *_: written.append(path.exists()), checkpoint)
    assert len(written) == 3
    assert not any(written)


@pytest.fixture
def key_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """The key of the checkpoint that a worker gives to the measurement of a run."""
    (spec,) = grid("jfb")
    kept: list[Checkpoint] = []

    def watched(config: object, report: object, checkpoint: Checkpoint) -> RunRecord:
        kept.append(checkpoint)
        return RunRecord({"status": "completed"})

    def get(**changes: object) -> str:
        known = {**identity(spec), "device_name": "a CPU", "concurrency": 1.0, **changes}
        worker._measure(Order(known, spec.config, tmp_path), known, lambda step, psnr: None)
        return kept[-1]._file.key

    monkeypatch.setattr("bench.measurement.run.measure", watched)
    handler = signal.getsignal(worker.OUT_OF_TIME)
    yield get
    signal.signal(worker.OUT_OF_TIME, handler)


def test_key_is_of_configuration_code_versions_and_device(key_of: Callable[..., str]) -> None:
    keys = {key_of()}
    changes = ("config_hash", "code_version", "library_versions", "device", "device_name")
    for column in changes:
        keys.add(key_of(**{column: "another"}))
    assert len(keys) == 1 + len(changes)
    assert key_of(started_at="later", host="elsewhere", log_path="there") in keys


def test_paper_preset_keeps_checkpoints() -> None:
    request = GridRequest("jfb", preset="paper", device="cpu")
    assert build_grid(request)[0].config["checkpoint_every_seconds"] == 60
