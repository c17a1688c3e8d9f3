"""Where runs are made at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from bench.errors import UserError
from bench.execution import slots
from bench.execution.slots import Slot, slots_for, usable_cores


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Four physical cores with two threads each; this process may use all but core 7."""
    for core in range(8):
        topology = tmp_path / f"cpu{core}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{core % 4},{core % 4 + 4}\n")
    monkeypatch.setattr(slots, "TOPOLOGY", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(7)))


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize("jobs", [None, 1])
def test_one_run_at_a_time_may_use_any_core(jobs: int | None) -> None:
    assert slots_for("cpu", jobs, 1) == [Slot()]


def test_runs_at_a_time_have_disjoint_cores_and_no_two_share_a_physical_one(cores: None) -> None:
    assert usable_cores() == [0, 4, 1, 5, 2, 6, 3]
    assert slots_for("cpu", 3, 2) == [Slot((0, 4)), Slot((1, 5)), Slot((2, 6))]


def test_more_runs_than_cores_are_refused(cores: None) -> None:
    with pytest.raises(UserError, match="must be at most 3 "):
        slots_for("cpu", 4, 2)


def test_each_gpu_has_a_slot(gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [Slot(visible_devices="0"), Slot(visible_devices="1")]
    assert slots_for("cuda", None, 1) == both
    assert slots_for("cuda", 1, 1) == both[:1]
    assert slots_for("cuda:1", None, 1) == both[1:]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-ab12")
    assert [slot.visible_devices for slot in slots_for("cuda", None, 1)] == ["3", "GPU-ab12"]


def test_more_runs_than_gpus_are_refused(gpus: None) -> None:
    with pytest.raises(UserError, match="must be at most 2 "):
        slots_for("cuda", 3, 1)
    with pytest.raises(UserError, match="must be at most 1 "):
        slots_for("cuda:1", 2, 1)
