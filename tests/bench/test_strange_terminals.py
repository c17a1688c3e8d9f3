"""Output that is closed, full or not UTF-8, and names that no encoding has."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bench.__main__
import bench.cli
from bench.cli import run_command_line

BENCH = f"{shlex.quote(sys.executable)} -m bench"
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_is_not_utf8_shows_every_table(encoding: str) -> None:
    done = shell(f"{BENCH} list", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert b"\\u" in done.stdout  # a minus sign that the encoding lacks


def test_the_locale_c_shows_every_table() -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert shell(f"{BENCH} list", **environment).returncode == 0


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("list >&-", 0),
        ("list 2>&-", 0),
        ("run --help >&- 2>&-", 0),
        ("lost >&- 2>&-", 2),
        ("--version <&- >&- 2>&-", 0),
    ],
)
def test_closed_output_changes_no_status(command: str, status: int) -> None:
    assert shell(f"{BENCH} {command}").returncode == status


def test_closed_output_is_open_for_what_a_command_starts() -> None:
    # A process with no standard output at all fails at the first thing that is printed.
    child = "import sys; sys.exit(sys.stdout is None or sys.stderr is None)"
    program = (
        "import subprocess, sys; from bench.console import prepare_streams; prepare_streams();"
        f"sys.exit(subprocess.call([sys.executable, '-c', '{child}']))"
    )
    assert shell(f'{shlex.quote(sys.executable)} -c "{program}" >&- 2>&-').returncode == 0


@FULL
@pytest.mark.parametrize("command", ["--help", "list", "run --help", "--version"])
def test_a_full_device_is_one_line(command: str) -> None:
    done = shell(f"{BENCH} {command} > /dev/full")
    assert done.returncode == 2
    assert done.stderr.endswith(b"error: No space left on device\n")
    assert done.stderr.count(b"\n") == 1


@FULL
def test_a_full_device_for_errors_keeps_the_status() -> None:
    assert shell(f"{BENCH} lost 2> /dev/full").returncode == 2


@pytest.mark.parametrize("argument", ["list", "status", "list --plugin", "run --dry-run --out"])
def test_undecodable_bytes_in_arguments(argument: str) -> None:
    done = shell(f"{BENCH} {argument} $'caf\\xe9'")
    assert done.returncode == (0 if "--out" in argument else 2)
    assert done.stderr.count(b"\n") == (0 if "--out" in argument else 1)


def test_the_command_line_is_kept_in_a_form_that_a_file_can_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = []

    class Action:
        @staticmethod
        def execute(parsed: object) -> int:
            kept.append(parsed.command_line)  # type: ignore[attr-defined]
            return 0

    real = bench.cli.importlib.import_module
    monkeypatch.setattr(
        bench.cli.importlib,
        "import_module",
        lambda name: Action if ".actions." in name else real(name),
    )
    assert run_command_line(["status", "caf\udce9"]) == 0
    assert kept.pop().encode("utf-8").endswith(b"'caf\\udce9'")


def test_docstrings_may_be_left_out() -> None:
    done = shell(f"{BENCH.replace(' -m', ' -OO -m')} list methods")
    assert done.returncode == 0
    assert b"phantom" in done.stdout


def test_an_interrupt_during_start_up_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("bench.console.prepare_streams", interrupted)
    try:
        with pytest.raises(SystemExit) as ended:
            bench.__main__.main()
        assert ended.value.code == 130
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL  # a second one ends it, too
    finally:
        signal.signal(signal.SIGINT, before)
