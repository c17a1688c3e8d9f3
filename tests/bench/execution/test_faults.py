"""Faults, each for real: the others go on, the run is a row, nothing is left, a rerun completes.

Those that take longest are left to `make soak`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench.records import read_rows
from tests.support.cheap_runs import (
    all_gone,
    command,
    leftovers,
    processes_of,
    run,
    start,
    statuses,
    wait_until,
)


def completed(results: Path, *command_line: str, count: int) -> None:
    """Run a command again: it ends well, with every run completed and nothing left over."""
    again = run(list(command_line), GO_ON=str(results))
    assert again.returncode == 0, again.stderr
    assert list(statuses(results).values()) == ["completed"] * count
    assert list(leftovers(results)) == []


def under_way(results: Path) -> bool:
    """Whether a run has been claimed, and its worker has come to write to its log folder."""
    return any((results / "claims").glob("[!.]*")) and any((results / "logs").glob("*slow*"))


def test_the_parent_is_killed(tmp_path: Path) -> None:
    line = command(tmp_path, "cheap[fault='',slow]")
    parent = start(line)
    wait_until(lambda: under_way(tmp_path))
    children = processes_of(parent)
    assert len(children) >= 3  # the server, a supervisor and a worker
    parent.kill()
    parent.communicate()
    wait_until(lambda: all_gone(children))
    assert set(statuses(tmp_path).values()) == {"completed"}  # what was made is there
    completed(tmp_path, *line, count=4)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGHUP, 129, marks=pytest.mark.soak)],
)
def test_an_interrupt_ends_cleanly(tmp_path: Path, number: signal.Signals, status: int) -> None:
    out, err = interrupted(command(tmp_path, "cheap[fault='',slow]"), tmp_path, number, status)
    made = len(statuses(tmp_path))
    assert f"interrupted: {made} done, {4 - made} missing" in err
    assert "run the same command again to continue" in err
    assert "Traceback" not in err
    assert "report:" not in out


@pytest.mark.soak
def test_an_interrupt_reports_what_is_there_and_the_same_command_continues(tmp_path: Path) -> None:
    line = command(tmp_path, "cheap[fault='',slow]", "--report")
    assert run(command(tmp_path, "cheap", seeds=2)).returncode == 0
    out, err = interrupted(line, tmp_path, signal.SIGINT, 130)
    assert "Traceback" not in err
    assert "report:" in out
    assert (tmp_path / "report" / "report.md").exists()
    completed(tmp_path, *command(tmp_path, "cheap[fault='',slow]"), count=4)


def interrupted(
    line: list[str], results: Path, number: signal.Signals, status: int
) -> tuple[str, str]:
    """Interrupt a command while it makes a run; returns what it printed."""
    parent = start(line)
    wait_until(lambda: under_way(results))
    children = processes_of(parent)
    os.killpg(parent.pid, number)  # as a terminal does: to all that belongs to the command
    out, err = parent.communicate()
    assert parent.returncode == status
    wait_until(lambda: all_gone(children))  # the server sees that its parent is gone
    assert list(leftovers(results)) == []
    return out, err


@pytest.mark.soak
def test_a_supervisor_is_killed(tmp_path: Path) -> None:
    line = command(tmp_path, "cheap[fault=slow,'']", seeds=1)
    parent = start(line)
    wait_until(lambda: under_way(tmp_path))
    worker, supervisor = newest_of(processes_of(parent))
    supervisor.kill()
    parent.communicate()
    assert parent.returncode == 1
    wait_until(lambda: all_gone([worker]))
    assert sorted(map(str, statuses(tmp_path).values())) == ["completed", "error"]
    (row,) = [row for row in read_rows(tmp_path).rows if row["status"] == "error"]
    assert row["message"] == "the supervisor of the run was killed by SIGKILL"
    assert list(leftovers(tmp_path)) == []
    completed(tmp_path, *line, "--retry", "failed", count=2)


def newest_of(processes: list[psutil.Process]) -> tuple[psutil.Process, psutil.Process]:
    """The worker, which nobody is a child of, and its supervisor."""
    (worker,) = [
        each for each in processes if (parent := each.parent()) and parent.parent() in processes
    ]
    supervisor = worker.parent()
    assert supervisor is not None
    return worker, supervisor


Faults = tuple[Path, dict[str, dict[str, object]], int]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """A run for each of several faults and a sound one, the rows by fault, a process's number."""
    folder = tmp_path_factory.mktemp("faults")
    limits = ("timeout_seconds=8", "memory_limit_gib=6")
    line = command(folder / "results", "cheap[fault=hang,memory,jump,'']", *limits, seeds=1)
    done = run(line, COMPANY=str(folder / "company"))
    assert done.returncode == 1, done.stderr
    rows = read_rows(folder / "results").rows
    by_fault = {json.loads(str(row["method_params"]))["fault"]: row for row in rows}
    return folder / "results", by_fault, int((folder / "company").read_text())


def test_the_others_go_on_and_nothing_is_left(faults: Faults) -> None:
    results, rows, _ = faults
    assert {fault: row["status"] for fault, row in rows.items()} == {
        **{"hang": "timeout", "memory": "out_of_memory"},
        **{"jump": "completed", "": "completed"},
    }
    assert list(leftovers(results)) == []


def test_a_hang_is_ended_with_all_that_the_run_has_started(faults: Faults) -> None:
    results, rows, company = faults
    assert not psutil.pid_exists(company)
    assert rows["hang"]["message"] == "time limit reached (timeout_seconds=8)"
    assert (results / str(rows["hang"]["log_path"])).exists()


def test_memory_runs_out(faults: Faults) -> None:
    assert "allocate" in str(faults[1]["memory"]["message"])


def test_a_clock_that_jumps_changes_no_duration(faults: Faults) -> None:
    for name in ("train_seconds", "wall_seconds", "eval_seconds", "setup_seconds"):
        assert 0 < float(str(faults[1]["jump"][name])) < 100


@pytest.mark.soak
def test_failed_runs_are_kept_until_they_are_to_be_retried(tmp_path: Path) -> None:
    line = command(tmp_path, "cheap[fault=fail,'']", seeds=1)
    assert run(line).returncode == 1
    failed = read_rows(tmp_path).rows
    again = run(line, GO_ON=str(tmp_path))
    assert again.returncode == 1
    assert "ValueError: a fault (from an earlier command)" in again.stderr
    assert "1 run failed; its record says why (repeat it with --retry failed)" in again.stderr
    assert read_rows(tmp_path).rows == failed
    completed(tmp_path, *line, "--retry", "failed", count=2)
    (aside,) = (tmp_path / "superseded").iterdir()
    assert '"status": "error"' in (aside / "record.json").read_text()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for the plan and little more."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(ballast: Path, leaving: int) -> None:
    """Write a file that leaves so many bytes of its file system free."""
    free = os.statvfs(ballast.parent)
    ballast.write_bytes(bytes(free.f_bavail * free.f_bsize - leaving))


@pytest.mark.soak
def test_a_full_disk(small_disk: Path) -> None:
    results, ballast = small_disk / "results", small_disk / "ballast"
    line = command(results, "cheap", seeds=8)
    fill(ballast, leaving=100_000)  # room to begin, and for a record or two
    some = run(line)
    assert some.returncode == 1, some.stderr
    assert "record not saved" in some.stderr
    assert "No space left" in some.stderr
    assert "Traceback" not in some.stderr
    kept = statuses(results)
    assert 0 < len(kept) < 8
    assert list(leftovers(results)) == []
    ballast.unlink()
    fill(ballast, leaving=0)
    refused = run(command(results, "cheap", seeds=9))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "No space left on device" in refused.stderr
    assert statuses(results) == kept
    ballast.unlink()
    completed(results, *line, "--retry", "failed", count=8)


@pytest.mark.soak
def test_two_commands_share_a_folder_and_make_every_run_once(tmp_path: Path) -> None:
    made = tmp_path / "made"
    results = tmp_path / "results"
    lines = [
        command(results, f"cheap[fault={faults}]", seeds=4) for faults in ("'',pause", "pause,''")
    ]
    both = [start(line, MADE=str(made)) for line in lines]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert list(statuses(results).values()) == ["completed"] * 8
    assert len(made.read_text().splitlines()) == 8
    assert list(leftovers(results)) == []
    assert not (results / "superseded").exists()


def test_runs_at_a_time_have_cores_of_their_own_and_say_that_they_were(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two cores are needed")
    assert run(command(tmp_path, "cheap", "--jobs", "2", seeds=4)).returncode == 0
    assert {row["concurrency"] for row in read_rows(tmp_path).rows} == {2.0}
