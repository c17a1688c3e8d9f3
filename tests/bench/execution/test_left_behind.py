"""What a plug-in leaves running neither stalls its run nor outlives it, by the real command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support.cheap_runs import all_gone, command, leftovers, run, statuses
from tests.support.soaked import only

PLUGIN = Path(__file__).parents[2] / "support" / "leaving_plugin.py"
MOST_SECONDS = 60  # for a run, which takes a few
pytestmark = pytest.mark.timeout(2 * MOST_SECONDS)


def made(results: Path, method: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Make a run; what the plug-in has started is noted in a file beside the results."""
    line = command(results, method, "--plugin", str(PLUGIN), seeds=1)
    return run(["timeout", "-k", "1", str(MOST_SECONDS), *line], **environment)


def company(results: Path) -> list[psutil.Process]:
    """Those of the processes that were noted which are there."""
    noted = results.with_suffix(".company")
    pids = [int(line) for line in noted.read_text().split()] if noted.exists() else []
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def logs(results: Path) -> list[str]:
    return [path.read_text() for path in sorted((results / "logs").iterdir())]


SAID = {
    "thread": "still running after 2 s, and not waited for: thread left",
    "child": "left running by the run, and ended: process ",
    "process": "still running after 2 s, and not waited for: process ",
    "daemon": "left running by the run, and ended: process ",
}


@pytest.mark.parametrize("what", only(["thread", "daemon"], SAID))
def test_what_a_run_leaves_ends_with_it(tmp_path: Path, what: str) -> None:
    results = tmp_path / "results"
    done = made(results, f"leaving[what={what}]", COMPANY=str(results.with_suffix(".company")))
    assert done.returncode == 0, done.stderr
    assert list(statuses(results).values()) == ["completed"]
    assert all(SAID[what] in log for log in logs(results))
    assert all_gone(company(results))
    assert list(leftovers(results)) == []


@pytest.mark.soak
@pytest.mark.parametrize("what", ["child", "thread"])
def test_what_an_import_leaves_ends_with_the_command(tmp_path: Path, what: str) -> None:
    results = tmp_path / "results"
    noted = str(results.with_suffix(".company"))
    done = made(results, "leaving", COMPANY=noted, AT_IMPORT=what)
    assert done.returncode == 0, done.stderr
    assert list(statuses(results).values()) == ["completed"]
    assert all(SAID[what] in log for log in logs(results))
    assert all_gone(company(results))


@pytest.mark.soak
def test_a_failed_import_does_not_stall_its_run(tmp_path: Path) -> None:
    results = tmp_path / "results"
    done = made(results, "leaving", AT_IMPORT="thread", FAIL_AT_IMPORT="1")
    assert done.returncode == 1
    assert list(statuses(results).values()) == ["error"]
