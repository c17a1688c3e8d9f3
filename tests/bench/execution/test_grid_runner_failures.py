"""Runs that fail: each leaves a record that says why, and the next one is made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import plugins
from bench.plugins import load_all, load_plugin
from bench.records import RunRecord, read_record
from bench.registry import METHODS
from tests.support.tiny_runs import TINY_TV, grid, make, number, records

PLUGIN = '''
import os
import signal
import sys
import time
from dataclasses import dataclass

import torch

from bench.registry import register_method
from methods.base import GradientMethod

calls = []


def raised(z):
    raise RuntimeError("a bug of its author\\nand more about it")


def endless(z):
    time.sleep(600)


def python_memory(z):
    raise MemoryError("no memory for Python")


def torch_memory(z):
    raise torch.OutOfMemoryError("tried to allocate 8 GiB")


def cpu_memory(z):
    torch.empty(2**45)


FAULTS = {
    "raised": raised,
    "left": lambda z: os._exit(3),
    "exited": lambda z: sys.exit(4),
    "killed": lambda z: os.kill(os.getpid(), signal.SIGKILL),
    "endless": endless,
    "nan": lambda z: z * float("nan"),
    "python_memory": python_memory,
    "torch_memory": torch_memory,
    "cpu_memory": cpu_memory,
}


@register_method("faulty")
@dataclass(frozen=True)
class Faulty(GradientMethod):
    """JFB until the second step of training, when it goes wrong in the way it is told to."""

    fault: str = "raised"

    def fixed_point(self, layer, z0, forward):
        calls.append(1)
        z = layer(forward(layer, z0))
        # Warm-up makes two passes, then comes the first step.
        return FAULTS[self.fault](z) if len(calls) == 4 else z
'''
FAULTS = (
    "raised",
    "left",
    "exited",
    "killed",
    "nan",
    "python_memory",
    "torch_memory",
    "cpu_memory",
)


@pytest.fixture(scope="module", autouse=True)
def faulty_method(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The real methods and the faulty one, which is taken back at the end."""
    load_all([])
    plugin = tmp_path_factory.mktemp("plugin") / "faulty.py"
    plugin.write_text(PLUGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(METHODS, "_entries", dict(METHODS._entries))
        patch.setattr(plugins, "_loaded_plugins", [])
        load_plugin(str(plugin))
        yield


Faults = tuple[Path, dict[str, RunRecord]]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """A run for each fault, and a sound one after them."""
    results = tmp_path_factory.mktemp("faults")
    specs = grid(f"faulty[fault={','.join(FAULTS)}],jfb")
    assert make(specs, results) == len(FAULTS)
    return results, records(specs, results)


def outcome(record: RunRecord) -> tuple[object, object]:
    return record.row["status"], record.row["message"]


def test_a_run_that_raises_is_an_error_with_its_message_and_its_curve(faults: Faults) -> None:
    record = faults[1]["raised"]
    assert outcome(record) == ("error", "RuntimeError: a bug of its author")
    assert [point["step"] for point in record.curve] == [0, 1]
    assert number(record, "train_seconds") > 0
    assert math.isnan(number(record, "psnr"))


def test_the_log_of_a_run_that_raises_has_its_traceback(faults: Faults) -> None:
    results, made = faults
    log = (results / str(made["raised"].row["log_path"])).read_text()
    assert "Traceback (most recent call last)" in log
    assert "faulty.py" in log
    assert "RuntimeError: a bug of its author\nand more about it" in log


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("left", "the process exited with code 3 without writing a record"),
        ("exited", "the code of the run called exit(4)"),
        ("killed", "killed by SIGKILL (possibly out of memory)"),
    ],
)
def test_a_process_that_ends_early_is_an_error_that_says_how(
    faults: Faults, fault: str, said: str
) -> None:
    assert outcome(faults[1][fault]) == ("error", said)


def test_a_loss_that_is_not_finite_is_divergence_and_keeps_the_curve(faults: Faults) -> None:
    record = faults[1]["nan"]
    assert outcome(record) == ("diverged", "the loss is not finite (nan) at step 2")
    assert [point["step"] for point in record.curve] == [0, 1]
    assert number(record, "steps") == 2


def test_pytorch_out_of_memory_has_its_status(faults: Faults) -> None:
    assert outcome(faults[1]["torch_memory"]) == ("out_of_memory", "tried to allocate 8 GiB")


def test_python_out_of_memory_has_its_status(faults: Faults) -> None:
    assert outcome(faults[1]["python_memory"]) == ("out_of_memory", "no memory for Python")


def test_out_of_memory_on_a_cpu_has_its_status(faults: Faults) -> None:
    status, message = outcome(faults[1]["cpu_memory"])
    assert status == "out_of_memory"
    assert "allocate" in str(message)


def test_a_failure_says_which_run_it_was(faults: Faults) -> None:
    for fault in FAULTS:
        row = faults[1][fault].row
        known = (row["problem"], row["size"], row["layer"], row["method"], row["seed"])
        assert known == ("motion", 16, "degrad", "faulty", 0)
        assert row["method_params"] == f'{{"fault": "{fault}"}}'


def test_the_runs_after_a_failure_go_on(faults: Faults) -> None:
    assert faults[1]["jfb"].row["status"] == "completed"


def test_a_run_that_takes_too_long_is_ended_and_the_next_one_is_made(tmp_path: Path) -> None:
    specs = grid("faulty[fault=endless]", "timeout_seconds=3") + grid(TINY_TV)
    assert make(specs, tmp_path) == 1
    made = records(specs, tmp_path)
    assert outcome(made["endless"]) == ("timeout", "time limit reached (timeout_seconds=3)")
    assert [point["step"] for point in made["endless"].curve] == [0, 1]
    assert made["tv"].row["status"] == "completed"


def test_a_failed_run_is_made_again_even_over_a_damaged_record(tmp_path: Path) -> None:
    (spec,) = grid("faulty[fault=left]")
    folder = tmp_path / "runs" / spec.run_id
    folder.mkdir(parents=True)
    (folder / "record.json").write_text("{}")
    assert make([spec], tmp_path) == 1
    assert read_record(folder).row["status"] == "error"
