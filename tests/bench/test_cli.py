"""The command line: help, exit status, one line for a mistake, and nothing imported in vain."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import bench.cli
from bench.cli import run_command_line
from bench.errors import UserError
from tests.support.command_line import refusal


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([]) == 0
    without = capsys.readouterr().out
    assert run_command_line(["--help"]) == 0
    assert capsys.readouterr().out == without
    for command in bench.cli.COMMANDS:
        assert f"  {command} " in without


@pytest.mark.parametrize("command", bench.cli.COMMANDS)
def test_help_of_each_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([command, "--help"]) == 0
    assert f"usage: python -m bench {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("raised", "status"), [(KeyboardInterrupt(), 130), (UserError("two\nlines"), 2)]
)
def test_interruption_and_errors_have_their_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    status: int,
) -> None:
    def stop(*_: object) -> int:
        raise raised

    monkeypatch.setattr(bench.cli, "_run_command", stop)
    assert run_command_line(["run"]) == status
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_quiet(unbuffered: str) -> None:
    # Buffered, the pipe breaks only when the output is flushed at exit.
    command = f"{{ sleep 0.3; {sys.executable} -m bench --help; }} | true"
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    shell = ["bash", "-c", command]
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["check", "--help"], ["list"]]
)
def test_quick_commands_do_not_import_torch(arguments: list[str]) -> None:
    program = (
        "import sys; from bench.cli import run_command_line;"
        f"status = run_command_line({arguments!r});"
        "heavy = {'torch', 'deepinv', 'pandas', 'matplotlib'} & set(sys.modules);"
        "sys.exit(f'{status} {heavy}' if status or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rum"], "bench: error: unknown command 'rum': did you mean 'run'?"),
        (["--hlep"], "bench: error: unknown option '--hlep': did you mean '--help'?"),
        (["status"], "bench status: error: the following arguments are required: FOLDER"),
        (["doctor", "--sise=3"], "bench doctor: error: unknown option '--sise': did you mean"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert expected in refusal(capsys, *arguments)
