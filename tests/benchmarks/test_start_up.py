"""How long the commands that need no torch take, and what a process per run costs."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from tests.support.tiny_runs import make

METHODS = "jfb,ift,phantom,unrolling,dncnn,pnp_admm,tv"
STEPS = 100  # a third of the quick preset's: the runs are shorter, and what isolation costs shows


@pytest.mark.parametrize(("arguments", "target"), [(["--help"], 0.7), (["list"], 1.0)])
def test_command(benchmark: Any, arguments: list[str], target: float) -> None:
    command = [sys.executable, "-m", "bench", *arguments]
    benchmark.pedantic(
        subprocess.run, (command,), {"capture_output": True, "check": True}, rounds=5
    )
    benchmark.extra_info["target (s)"] = target


@pytest.mark.timeout(1200)
def test_process_isolation(benchmark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Target: seven runs in processes of their own take at most 1.15 times those in one."""
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))
    steps = (f"train.steps={STEPS}",)
    specs = build_grid(GridRequest(methods=METHODS, seeds="1", device="cpu", overrides=steps))
    one = _in_one_process(specs, tmp_path / "one")
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "another_cache"))
    (tmp_path / "apart").mkdir()
    started = time.perf_counter()
    assert benchmark.pedantic(make, (specs, tmp_path / "apart"), rounds=1) == 0
    ratio = (time.perf_counter() - started) / one
    benchmark.extra_info["apart / in one process"] = round(ratio, 3)
    print(f"\napart / in one process: {ratio:.3f} (target: at most 1.15)")


def _in_one_process(specs: list[Any], folder: Path) -> float:
    """The seconds of a fresh process that makes all runs one after another, imports included."""
    program = """
import pickle, sys
from dataclasses import replace
from pathlib import Path
from bench.config.plain import from_plain
from bench.measurement.run import measure
from bench.plugins import load_all
from bench.records import write_record
load_all([])
orders, folder = pickle.load(sys.stdin.buffer)
for row, config in orders:
    record = measure(from_plain(config))
    assert record.row["status"] == "completed", record.row
    write_record(Path(folder), replace(record, row={**row, **record.row}))
"""
    orders = [(identity(spec), spec.config) for spec in specs]
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps((orders, str(folder))), check=True
    )
    return time.perf_counter() - started
