from __future__ import annotations

import json
import math
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch
from safetensors import safe_open

from methods.training import checkpoint_file
from methods.training.checkpoint_file import CheckpointFile

STATE = {
    "numbers": {0: 0.1, 1: math.nan, 2: [math.inf, -math.inf, -0.0, 5e-324], "three": 2**70},
    "text": 'of "any" kind\n\0 é',
    "pair": (True, None, (1, 2.0)),
    "tensors": [
        torch.tensor([math.nan, -0.0]),
        torch.tensor(3),
        torch.zeros(0, 2),
        torch.tensor([1 + 2j]),
        torch.tensor([1.5], dtype=torch.bfloat16),
        torch.tensor([True]),
        torch.arange(6.0, dtype=torch.float64).view(2, 3).T,
        torch.ones(1).expand(4),
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> CheckpointFile:
    return CheckpointFile(tmp_path / "folder" / "state.safetensors", "key")


def bits(value: Any) -> Any:
    """The value with tensors as their type, shape and bytes, and floats as text."""
    if isinstance(value, torch.Tensor):
        raw = value.contiguous().reshape(-1).view(torch.uint8).tolist()
        return (str(value.dtype), tuple(value.shape), raw)
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(bits(item) for item in value)
    return repr(value)


def test_state_comes_back_to_the_last_bit(file: CheckpointFile) -> None:
    file.save(STATE)
    assert bits(file.load()) == bits(STATE)


def test_state_is_a_copy_that_outlives_its_file(file: CheckpointFile) -> None:
    weight = torch.ones(3)
    file.save({"weight": weight, "same": weight})
    weight += 1
    state = file.load()
    assert state is not None
    file.path.write_bytes(b"")
    state["weight"] += 1
    assert (state["weight"].tolist(), state["same"].tolist()) == ([2] * 3, [1] * 3)


def test_file_is_plain_safetensors(file: CheckpointFile) -> None:
    file.save(STATE)
    with safe_open(file.path, framework="np") as opened:
        assert opened.metadata()["key"] == "key"
        json.loads(opened.metadata()["state"])


def test_no_file_is_no_state_and_no_trouble(
    file: CheckpointFile, capfd: pytest.CaptureFixture[str]
) -> None:
    assert file.load() is None
    file.discard()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"bytes", lambda: 0], ids=lambda value: type(value).__name__
)
def test_what_is_no_plain_value_costs_the_checkpoint(
    value: object, file: CheckpointFile, capfd: pytest.CaptureFixture[str]
) -> None:
    file.save({"value": value})
    assert not file.path.exists()
    kind = type(value).__name__
    line = (
        f"checkpoint state.safetensors cannot be written: a value of type {kind} cannot be stored"
    )
    assert capfd.readouterr().err == f"{line}\n"


def write(file: CheckpointFile, text: str) -> None:
    """A file that is whole, of this key and with the right digest, and yet no state."""
    from safetensors.torch import save_file

    metadata = {"state": text, "key": "key", "digest": checkpoint_file._digest(text, {})}
    file.path.parent.mkdir()
    save_file({}, file.path, metadata)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "[]", "null", '{"tensor": "0"}', '{"dict": 1}', '{"dict": [[[], 1]]}'),
        *('{"dict": [[1]]}', '{"object": []}', "{}", "[" * 100_000, '{"dict": {"a": 1}}'),
    ],
)
def test_state_of_another_form_is_ignored(
    text: str, file: CheckpointFile, capfd: pytest.CaptureFixture[str]
) -> None:
    write(file, text)
    assert file.load() is None
    assert "is ignored, training starts from the beginning" in capfd.readouterr().err


def test_draft_of_a_process_that_was_killed_is_overwritten_and_removed(
    file: CheckpointFile, tmp_path: Path
) -> None:
    """Whatever it is by now: a link would lead the writing astray."""
    outside, draft = tmp_path / "outside", file.path.with_suffix(".tmp")
    outside.write_text("kept")
    file.path.parent.mkdir()
    draft.symlink_to(outside)
    file.save({"a": 1})
    assert (outside.read_text(), os.listdir(draft.parent)) == ("kept", [file.path.name])
    draft.write_text("half of a")
    file.discard()
    assert os.listdir(draft.parent) == []


def test_full_disk_keeps_the_earlier_checkpoint(
    file: CheckpointFile, capfd: pytest.CaptureFixture[str]
) -> None:
    """The system itself refuses to write more than so many bytes."""
    file.save({"step": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        file.save({"step": 2, "weights": torch.zeros(10_000)})
        file.save({"step": 3, "weights": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(file.path.parent) == [file.path.name]
    assert file.load() == {"step": 1}
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("checkpoint state.safetensors cannot be written: [Errno 27]")
    file.save({"step": 4})
    assert file.load() == {"step": 4}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_disk_that_is_really_full_keeps_the_earlier_checkpoint(
    small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = CheckpointFile(small_disk / "state.safetensors", "key")
    file.save({"step": 1, "weights": torch.zeros(2_000)})
    file.save({"step": 2, "weights": torch.zeros(100_000)})
    assert os.listdir(small_disk) == [file.path.name]
    state = file.load()
    assert state is not None
    assert state["step"] == 1
    assert "No space left on device" in capfd.readouterr().err


def test_interrupted_writing_leaves_no_draft(
    file: CheckpointFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        file.save({"a": 1})
    assert os.listdir(file.path.parent) == []


def test_it_is_time_after_the_interval_whatever_the_system_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(
        checkpoint_file, "time", SimpleNamespace(monotonic=lambda: fake.now, time=None)
    )
    file = CheckpointFile(tmp_path / "state.safetensors", "key", 60)
    due = []
    for seconds in (0, 59, 1, 0, 59.5, 1):
        fake.now += seconds
        due.append(file.due)
        if file.due:
            file.save({})
    assert due == [False, False, True, False, False, True]
    never = CheckpointFile(tmp_path / "never.safetensors", "key", 0)
    fake.now += 1e9
    assert not never.due
