from __future__ import annotations

import json
import math
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch

from bench.config.plain import from_plain
from bench.execution import worker
from bench.execution.order import Order
from bench.experiment.files import CHECKPOINTS
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from bench.experiment.spec import RunSpec
from bench.measurement import checkpoint as checkpoint_module
from bench.measurement import clock as clock_module
from bench.measurement import training as training_module
from bench.measurement.checkpoint import Checkpoint
from bench.measurement.run import measure
from bench.records import RunRecord, read_record
from methods.training.checkpoint_file import CheckpointFile
from tests.support.interrupted import (
    EVERY_STEP,
    MODELS,
    SETTINGS,
    Outcome,
    assert_same,
    kill,
    process,
    without_times,
)
from tests.support.tiny_runs import grid, make, number

STEPS = SETTINGS.steps
METHODS = [name for name in MODELS if name != "wider"]


@pytest.fixture(scope="module")
def uninterrupted() -> Callable[[str], Outcome]:
    """The training that nothing happens to, made once for each model."""
    made: dict[str, Outcome] = {}

    def get(name: str) -> Outcome:
        if name not in made:
            made[name] = process(name)
        return made[name]

    return get


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / CHECKPOINTS / "run.safetensors"


def again(name: str, path: Path, key: str = "key") -> Outcome:
    return process(name, Checkpoint(path, key, EVERY_STEP))


# ----------------------------------------------------------------- the same as uninterrupted


CASES = [*((name, True) for name in METHODS), ("drawing", False)]


@pytest.mark.parametrize(("name", "written"), CASES)
def test_training_that_was_killed_after_any_step_ends_as_if_it_had_not(
    name: str, written: bool, path: Path, uninterrupted: Callable[[str], Outcome]
) -> None:
    for last in range(1, STEPS + 1):
        path.unlink(missing_ok=True)
        kill(name, path, last, written=written)
        resumed = again(name, path)
        assert_same(resumed, uninterrupted(name))
        assert resumed.log.resumptions == (1 if last > 1 or written else 0)


@pytest.mark.parametrize("name", METHODS)
def test_training_that_is_killed_after_each_step_ends_as_if_it_had_not(
    name: str, path: Path, uninterrupted: Callable[[str], Outcome]
) -> None:
    for last in range(1, STEPS):
        kill(name, path, last)
    resumed = again(name, path)
    assert_same(resumed, uninterrupted(name))
    assert resumed.log.resumptions == STEPS - 1


def test_checkpoints_change_nothing(path: Path, uninterrupted: Callable[[str], Outcome]) -> None:
    watched = again("drawing", path)
    assert path.exists()
    assert_same(watched, uninterrupted("drawing"))
    assert watched.log.resumptions == 0


def test_numbers_that_are_not_finite_survive(
    path: Path, uninterrupted: Callable[[str], Outcome]
) -> None:
    kill("jfb", path, 3)
    resumed, expected = again("jfb", path).log, uninterrupted("jfb").log
    assert math.isnan(float(str(resumed.curve[0]["loss"])))
    assert all(math.isnan(float(str(row["adjoint_residual"]))) for row in resumed.steps)
    for rows, others in ((resumed.curve, expected.curve), (resumed.steps, expected.steps)):
        for row, other in zip(rows, others, strict=True):
            assert {n: type(v) for n, v in row.items()} == {n: type(v) for n, v in other.items()}


# ------------------------------------------------------------------------------------- clocks


def test_clock_goes_on_where_it_stood(path: Path) -> None:
    before = []
    for last in range(1, STEPS):
        kill("jfb", path, last)
        state = CheckpointFile(path, "key").load()
        assert state is not None
        before.append((sum(state["clock"]["phases"].values()), state["wall_seconds"]))
        assert state["clock"]["cpu_seconds"] > 0
    log = again("jfb", path).log
    seconds = [float(str(row["train_seconds"])) for row in log.steps]
    assert seconds[:-1] == [train_seconds for train_seconds, _ in before]
    assert seconds == sorted(seconds)
    walls = [wall for _, wall in before]
    assert walls == sorted(walls)
    assert all(wall > train_seconds for train_seconds, wall in before)
    assert log.checkpoint_seconds > 0


def test_writing_is_in_no_clock_but_its_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(now=0.0)
    frozen = SimpleNamespace(perf_counter=lambda: fake.now, process_time=lambda: fake.now)
    for module in (checkpoint_module, clock_module):
        monkeypatch.setattr(module, "time", frozen)

    def slow(self: CheckpointFile, state: object) -> None:
        fake.now += 100

    monkeypatch.setattr(CheckpointFile, "save", slow)
    log = again("jfb", path).log
    assert (log.clock.seconds, log.clock.cpu_seconds) == (0, 0)
    assert log.checkpoint_seconds == 100 * STEPS


# -------------------------------------------------------------------- what is not gone on from


def spoil(path: Path, fraction: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(fraction * (len(content) - 1))] ^= 0x10
    path.write_bytes(bytes(content))


def cut(path: Path, fraction: float) -> None:
    os.truncate(path, int(fraction * path.stat().st_size))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not a checkpoint"),
    "weights": lambda path: path.write_bytes(b"\x02\0\0\0\0\0\0\0{}"),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    **{f"cut at {f}": lambda path, f=f: cut(path, f) for f in (0.01, 0.5, 0.99)},
    **{f"changed at {f}": lambda path, f=f: spoil(path, f) for f in (0, 0.02, 0.3, 0.6, 0.9, 1)},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_checkpoint_is_ignored_with_a_line(
    damage: str,
    path: Path,
    uninterrupted: Callable[[str], Outcome],
    capfd: pytest.CaptureFixture[str],
) -> None:
    kill("drawing", path, 4)
    DAMAGE[damage](path)
    anew = process("drawing", Checkpoint(path, "key"))
    assert_same(anew, uninterrupted("drawing"))
    assert anew.log.resumptions == 0
    line = f"checkpoint {path.name} is ignored, training starts from the beginning: it "
    assert capfd.readouterr().err.startswith(line)


@pytest.mark.parametrize(
    ("name", "key", "why"),
    [
        ("drawing", "other", "it belongs to another configuration, code or version"),
        ("wider", "key", "the network: blocks.0.guide.0.weight has a different shape or type"),
        ("dncnn", "key", "the network has different entries: "),
    ],
)
def test_foreign_checkpoint_is_ignored_with_a_line(
    name: str,
    key: str,
    why: str,
    path: Path,
    uninterrupted: Callable[[str], Outcome],
    capfd: pytest.CaptureFixture[str],
) -> None:
    kill("drawing" if name != "drawing" else name, path, 4)
    anew = again(name, path, key)
    assert_same(anew, uninterrupted(name))
    assert anew.log.resumptions == 0
    line = f"checkpoint {path.name} is ignored, training starts from the beginning: {why}"
    assert capfd.readouterr().err.startswith(line)


def put(state: Any, keys: str, value: object) -> None:
    *path, last = (int(key) if key.isdigit() else key for key in keys.split("."))
    for key in path:
        state = state[key]
    state[last] = value


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (
            "random.numpy",
            ("MT19937", [1, 2], 0, 0, 0.0),
        ),  # those of torch and Python are set by now
        ("optimiser.adam.state.0.exp_avg", torch.zeros(3)),
        ("optimiser.adam.state.99", {}),
        ("optimiser.adam.param_groups", []),
        ("optimiser.schedule.step", 1),
        ("trace.forward.more", 1),
        ("log.curve", torch.zeros(3, 2)),
        ("log.curve.0", {"step": 0}),
        ("log.steps", None),
        ("log", {}),
        ("clock", 1),
    ],
)
def test_state_that_does_not_fit_changes_nothing(
    keys: str,
    value: object,
    path: Path,
    uninterrupted: Callable[[str], Outcome],
    capfd: pytest.CaptureFixture[str],
) -> None:
    kill("drawing", path, 4)
    file = CheckpointFile(path, "key")
    state = file.load()
    put(state, keys, value)
    assert state is not None
    file.save(state)
    anew = process("drawing", Checkpoint(path, "key"))
    assert_same(anew, uninterrupted("drawing"))
    assert anew.log.resumptions == 0
    assert "is ignored, training starts from the beginning" in capfd.readouterr().err


def test_full_disk_costs_the_checkpoint_and_not_the_run(
    path: Path,
    uninterrupted: Callable[[str], Outcome],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert_same(again("drawing", path), uninterrupted("drawing"))
    assert list(path.parent.iterdir()) == []
    (line,) = capfd.readouterr().err.splitlines()  # once, not after each step
    assert line.startswith(f"checkpoint {path.name} cannot be written: ")
    assert "No space left" in line


# ---------------------------------------------------------------------------------- whole runs


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

def report(step, psnr):
    if step == 4:
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
        *("psnr", "ssim", "steps", "forward_evaluations", "vjps", "layer_contraction"),
        *("forward_statuses", "adjoint_statuses"),
    ):
        assert resumed.row[column] == expected.row[column], column
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


def test_nothing_is_pickled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> NoReturn:
        raise AssertionError("pickle was used")

    for module, names in (
        (pickle, ("dump", "dumps", "load", "loads", "Pickler", "Unpickler")),
        (torch, ("save", "load")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, forbidden)
    kill("drawing", path, 3)
    assert again("drawing", path).log.resumptions == 1
