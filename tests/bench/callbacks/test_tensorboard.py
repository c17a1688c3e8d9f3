"""TensorBoard's event files, as its own reader finds them."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench.callbacks.base import RunInfo
from bench.callbacks.tensorboard import TensorBoard
from bench.records.schema import complete_row
from tests.support.command_line import refusal

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
KNOWN = {
    "run_id": "a",
    "problem": "motion",
    "size": 16,
    "noise_sigma": 0.01,
    "layer": "degrad",
    "network": "convex_potential",
    "method": "phantom",
    "method_params": json.dumps({"steps": 3, "weights": [1, 2]}),
    "seed": 0,
}


def point(step: int, psnr: float) -> dict[str, Any]:
    names = ("train_seconds", "loss", "ssim", "residual", "gradient_norm")
    return {"step": step, "psnr": psnr, **dict.fromkeys(names, 0.5 if step else math.nan)}


def written(folder: Path, *psnr: float, steps: int = 2, start: int = 0) -> Any:
    """What is in a folder once a run with these points has ended."""
    callback = TensorBoard()
    callback.on_start(RunInfo(KNOWN, {}, folder))
    for number, value in enumerate(psnr):
        callback.on_evaluation(point(start + number, value))
    row = {**KNOWN, "status": "completed", "psnr": 31.0, "train_seconds": 2.0}
    callback.on_end(complete_row({**row, "steps": float(steps) if psnr else math.nan}))
    found = event_accumulator.EventAccumulator(str(folder))
    found.Reload()
    return found


def test_scalars_are_by_step_and_numbers_that_are_missing_left_out(tmp_path: Path) -> None:
    found = written(tmp_path, 20.0, 25.0, 30.0)
    psnr = [(each.step, each.value) for each in found.Scalars("validation/psnr")]
    assert psnr == [(0, 20.0), (1, 25.0), (2, 30.0)]
    assert [each.step for each in found.Scalars("training/loss")] == [1, 2]
    assert [(each.step, each.value) for each in found.Scalars("test/psnr")] == [(2, 31.0)]
    assert "test/ssim" not in found.Tags()["scalars"]


def test_settings_and_results_are_beside_each_other(tmp_path: Path) -> None:
    written(tmp_path, 20.0)
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for text in (b"_hparams_/session_start_info", b"method.steps", b"method.weights", b"phantom"):
        assert text in content


def test_a_method_without_training_has_its_results(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert [(each.step, each.value) for each in found.Scalars("test/psnr")] == [(0, 31.0)]


def test_a_later_attempt_replaces_the_points_from_where_it_begins(tmp_path: Path) -> None:
    written(tmp_path, 1.0, 2.0, 3.0)
    found = written(tmp_path, 5.0, 6.0, start=1)
    psnr = [(each.step, each.value) for each in found.Scalars("validation/psnr")]
    assert psnr == [(0, 1.0), (1, 5.0), (2, 6.0)]


def test_a_missing_package_is_one_line_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == "tensorboard" else found(name, package)

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    folder = tmp_path / "results"
    line = refusal(capsys, "run", "--callbacks", "tensorboard", "--device", "cpu", "--out", folder)
    assert "pip install 'implicit-bench[tensorboard]'" in line
    assert not folder.exists()
