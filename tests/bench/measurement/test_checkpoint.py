from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch

from bench.experiment.files import CHECKPOINTS
from bench.measurement import checkpoint as checkpoint_module
from bench.measurement import clock as clock_module
from bench.measurement.checkpoint import Checkpoint
from methods.training.checkpoint_file import CheckpointFile
from tests.support.interrupted import (
    EVERY_STEP,
    MODELS,
    SETTINGS,
    Outcome,
    assert_same,
    kill,
    process,
)

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
        ("wider", "key", "the network: learned.0.guide.0.weight has a different shape or type"),
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
