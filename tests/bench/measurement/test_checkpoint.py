from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch

from bench.config.plain import from_plain
from bench.experiment.files import CHECKPOINTS
from bench.experiment.grid import GridRequest, RunSpec, build_grid
from bench.experiment.identity import identity
from bench.measurement import checkpoint as checkpoint_module
from bench.measurement import clock as clock_module
from bench.measurement.checkpoint import Checkpoint, checkpoint_of
from bench.measurement.run import execute
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
from tests.support.tiny_runs import grid, number

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
        assert resumed.training.resumptions == (1 if last > 1 or written else 0)


@pytest.mark.parametrize("name", METHODS)
def test_training_that_is_killed_after_each_step_ends_as_if_it_had_not(
    name: str, path: Path, uninterrupted: Callable[[str], Outcome]
) -> None:
    for last in range(1, STEPS):
        kill(name, path, last)
    resumed = again(name, path)
    assert_same(resumed, uninterrupted(name))
    assert resumed.training.resumptions == STEPS - 1


def test_checkpoints_change_nothing(path: Path, uninterrupted: Callable[[str], Outcome]) -> None:
    watched = again("drawing", path)
    assert path.exists()
    assert_same(watched, uninterrupted("drawing"))
    assert watched.training.resumptions == 0


def test_numbers_that_are_not_finite_survive(
    path: Path, uninterrupted: Callable[[str], Outcome]
) -> None:
    kill("jfb", path, 3)
    resumed = again("jfb", path).training
    assert math.isnan(float(str(resumed.curve[0]["loss"])))
    assert all(math.isnan(float(str(row["adjoint_residual"]))) for row in resumed.steps)
    for name, kind in (("step", int), ("train_seconds", float)):
        assert all(type(row[name]) is kind for row in (*resumed.curve, *resumed.steps))


# ------------------------------------------------------------------------------------- clocks


def test_clock_goes_on_where_it_stood(path: Path) -> None:
    before = []
    for last in range(1, STEPS):
        kill("jfb", path, last)
        state = CheckpointFile(path, "key").load()
        assert state is not None
        before.append((sum(state["clock"]["phases"].values()), state["wall_seconds"]))
        assert state["clock"]["cpu_seconds"] > 0
    training = again("jfb", path).training
    seconds = [float(str(row["train_seconds"])) for row in training.steps]
    assert seconds[:-1] == [train_seconds for train_seconds, _ in before]
    assert seconds == sorted(seconds)
    walls = [wall for _, wall in before]
    assert walls == sorted(walls)
    assert all(wall > train_seconds for train_seconds, wall in before)
    assert training.checkpoint_seconds > 0


def test_writing_is_in_no_clock_but_its_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(now=0.0)
    frozen = SimpleNamespace(perf_counter=lambda: fake.now, process_time=lambda: fake.now)
    for module in (checkpoint_module, clock_module):
        monkeypatch.setattr(module, "time", frozen)

    def slow(self: CheckpointFile, state: object) -> None:
        fake.now += 100

    monkeypatch.setattr(CheckpointFile, "save", slow)
    training = again("jfb", path).training
    assert (training.clock.seconds, training.clock.cpu_seconds) == (0, 0)
    assert training.checkpoint_seconds == 100 * STEPS


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
    assert anew.training.resumptions == 0
    line = f"checkpoint {path.name} is not used, training starts anew: it is "
    assert capfd.readouterr().err.startswith(line)


@pytest.mark.parametrize(
    ("name", "key", "why"),
    [
        ("drawing", "other", "it is of another configuration, code or version"),
        ("wider", "key", "the network: blocks.0.guide.0.weight is of another shape or type"),
        ("dncnn", "key", "the network has other parts: "),
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
    assert anew.training.resumptions == 0
    line = f"checkpoint {path.name} is not used, training starts anew: {why}"
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
        ("curve", torch.zeros(3, 2)),
        ("steps", None),
        ("training", {}),
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
    assert anew.training.resumptions == 0
    assert "is not used, training starts anew" in capfd.readouterr().err


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


def row_of(spec: RunSpec) -> dict[str, object]:
    return identity(spec.run_id, spec.config, spec.config_hash)


def make(spec: RunSpec, results: Path) -> RunRecord:
    execute(row_of(spec), spec.config, results, lambda step, psnr: None)
    return read_record(results / "runs" / spec.run_id)


# Once it has reported a step of which there is a checkpoint, it waits to be killed.
CHILD = """
import json, signal, sys
from pathlib import Path
from bench.plugins import load_builtins
from bench.measurement.run import execute

def report(step, psnr):
    if step == 4:
        print("here", flush=True)
        signal.pause()

load_builtins()
row, config = json.loads(sys.stdin.readline())
execute(row, config, Path(sys.argv[1]), report)
"""


def killed_in_the_middle(spec: RunSpec, results: Path) -> None:
    import json

    command = [sys.executable, "-c", CHILD, str(results)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as child:
        child.stdin.write(json.dumps([row_of(spec), spec.config]) + "\n")
        child.stdin.flush()
        assert child.stdout.readline() == "here\n"
        child.kill()
        assert child.wait() == -signal.SIGKILL


def test_run_whose_process_is_killed_goes_on_in_another(tmp_path: Path) -> None:
    (spec,) = grid("jfb", "train.steps=6", f"checkpoint_every_seconds={EVERY_STEP}")
    (plain,) = grid("jfb", "train.steps=6")
    killed_in_the_middle(spec, tmp_path / "killed")
    checkpoint = tmp_path / "killed" / CHECKPOINTS / f"{spec.run_id}.safetensors"
    assert checkpoint.exists()
    resumed, expected = make(spec, tmp_path / "killed"), make(plain, tmp_path / "whole")
    assert not checkpoint.parent.exists()
    assert (number(resumed, "resumptions"), number(expected, "resumptions")) == (1, 0)
    assert number(resumed, "wall_seconds") > number(resumed, "train_seconds")
    for column in ("psnr", "ssim", "steps", "forward_evaluations", "vjps", "layer_contraction"):
        assert resumed.row[column] == expected.row[column], column
    for table in ("curve", "steps"):
        rows = [
            [without_times(row) for row in getattr(each, table)] for each in (resumed, expected)
        ]
        assert repr(rows[0]) == repr(rows[1])


@pytest.mark.parametrize("fault", ["diverged", "error"])
def test_checkpoint_goes_with_the_record_of_a_failed_run(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry starts anew: from where the training failed, it would fail again."""
    from bench.measurement import training as training_module

    (spec,) = grid("jfb", "train.steps=6", f"checkpoint_every_seconds={EVERY_STEP}")
    count = training_module.training_loss
    calls: list[int] = []

    def failing(*given: Any) -> Any:
        calls.append(1)
        if len(calls) < 5:
            return count(*given)
        if fault == "error":
            raise ValueError("on purpose")
        return count(*given) * math.nan

    monkeypatch.setattr(training_module, "training_loss", failing)
    try:
        record = make(spec, tmp_path)
    except ValueError:
        record = read_record(tmp_path / "runs" / spec.run_id)
    assert record.row["status"] == fault
    assert number(record, "resumptions") == 0
    assert number(record, "checkpoint_seconds") > 0
    assert not (tmp_path / CHECKPOINTS).exists()


def test_no_checkpoint_is_written_unless_asked_for(tmp_path: Path) -> None:
    (spec,) = grid("jfb")
    written: list[Path] = []
    execute(
        row_of(spec),
        spec.config,
        tmp_path,
        lambda *_: written.extend(tmp_path.glob(f"{CHECKPOINTS}/*")),
    )
    assert written == []


def test_key_is_of_configuration_code_versions_and_device(tmp_path: Path) -> None:
    (spec,) = grid("jfb")
    row = row_of(spec)
    keys = {checkpoint_of(row, tmp_path, 1.0)._file.key}
    changes = ("config_hash", "code_version", "library_versions", "device", "device_name")
    for column in changes:
        keys.add(checkpoint_of({**row, column: "another"}, tmp_path, 1.0)._file.key)
    assert len(keys) == 1 + len(changes)
    later = {**row, "started_at": "later", "host": "elsewhere", "log_path": "there"}
    assert checkpoint_of(later, tmp_path, 2.0)._file.key in keys


def test_interval_is_no_part_of_what_decides_a_run() -> None:
    """Finished runs must not be made again for it, nor a checkpoint be lost."""
    (spec,), (other,) = grid("jfb"), grid("jfb", "checkpoint_every_seconds=7")
    assert (spec.run_id, spec.config_hash) == (other.run_id, other.config_hash)
    assert from_plain(other.config).checkpoint_every_seconds == 7


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
    assert again("drawing", path).training.resumptions == 1
