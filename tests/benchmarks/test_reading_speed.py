"""Ten thousand runs: how long the commands that read them take, and how much memory.

Targets, on an idle machine of two cores: `report` 10 s, `compare` 20 s, both 1 GiB; reading the
rows and the plan, which listing and resuming need, 2 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.records import load_results, read_plan, read_rows
from tests.support.synthetic_results import write_synthetic

TARGETS = {"report": 10, "compare": 20}  # seconds

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_synthetic(tmp_path_factory.mktemp("synthetic"))


def test_rows_and_plan(benchmark: Any, results: Path) -> None:
    def read() -> int:
        read_plan(results)
        return len(read_rows(results)[0])

    assert benchmark.pedantic(read, rounds=3) == 10_010
    benchmark.extra_info["target (s)"] = 2


def test_load_results(benchmark: Any, results: Path) -> None:
    loaded = benchmark.pedantic(load_results, (results,), rounds=1)
    assert loaded.damaged == []
    assert len(loaded.curves) == 455_000


@pytest.mark.parametrize("command", ["report", "compare"])
def test_command(benchmark: Any, results: Path, command: str) -> None:
    folders = [str(results)] * (2 if command == "compare" else 1)
    arguments = [sys.executable, "-m", "bench", command, *folders]

    def run() -> os.struct_rusage:
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return used

    used = benchmark.pedantic(run, rounds=1)
    seconds, mebibytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    target = TARGETS[command]
    benchmark.extra_info |= {"target (s)": target, "processors (s)": seconds, "MiB": mebibytes}
    print(f"\n{command}: {seconds:.1f} s of processors, {mebibytes:.0f} MiB (target: 1024)")
