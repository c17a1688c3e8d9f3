"""Folders named on the command line that are none: one line, exit status 2, and no stall."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.experiment.folder import prepare_folder
from tests.support.stored_runs import four_runs, store
from tests.support.strange_places import PLACES

pytestmark = [pytest.mark.usefixtures("registered"), pytest.mark.timeout(60)]
Printed = pytest.CaptureFixture[str]
GRID = ["--methods", "jfb", "--sizes", "32", "--device", "cpu"]

COMMANDS: dict[str, Callable[[str, str], list[str]]] = {
    "run": lambda given, good: ["run", *GRID, "--out", given],
    "dry run": lambda given, good: ["run", *GRID, "--out", given, "--dry-run"],
    "report": lambda given, good: ["report", given],
    "status": lambda given, good: ["status", given],
    "compare with": lambda given, good: ["compare", good, given],
    "compare": lambda given, good: ["compare", given, good],
    "new": lambda given, good: ["new", "method", "mine", "--out", given],
}
MISSING_IS_AN_ERROR = ("report", "status", "compare", "compare with")


@pytest.fixture
def good(tmp_path: Path) -> str:
    """A results folder with a record."""
    folder = tmp_path / "good"
    prepare_folder(folder, four_runs(), {})
    store(folder, four_runs()[0])
    return str(folder)


def refusal(printed: Printed, arguments: list[str]) -> str:
    """What the command prints on stderr: one line, with exit status 2."""
    assert run_command_line(arguments) == 2
    (line,) = printed.readouterr().err.splitlines()
    assert line.startswith(f"bench {arguments[0]}: error: ")
    return line


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_folder_is_refused(
    tmp_path: Path, capsys: Printed, good: str, command: str, place: str
) -> None:
    PLACES[place](tmp_path / "given")
    line = refusal(capsys, COMMANDS[command](str(tmp_path / "given"), good))
    assert f"{tmp_path}/given" in line


@pytest.mark.parametrize("name", ["x" * 300, "file/below", "loop/below", "/dev/null/below"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_place_where_no_folder_can_be_is_refused(
    tmp_path: Path, capsys: Printed, good: str, command: str, name: str
) -> None:
    (tmp_path / "file").touch()
    PLACES["a loop of links"](tmp_path / "loop")
    refusal(capsys, COMMANDS[command](str(tmp_path / name), good))


@pytest.mark.parametrize("command", MISSING_IS_AN_ERROR)
def test_a_folder_that_is_missing_is_named(
    tmp_path: Path, capsys: Printed, good: str, command: str
) -> None:
    assert f"{tmp_path}/nothing" in refusal(
        capsys, COMMANDS[command](str(tmp_path / "nothing"), good)
    )


@pytest.mark.parametrize("command", ["run", "dry run", "status"])
def test_a_link_inside_is_refused(tmp_path: Path, capsys: Printed, good: str, command: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").touch()
    Path(good, "claims").symlink_to(tmp_path / "outside")
    line = refusal(capsys, COMMANDS[command](good, good))
    assert f"{good}/claims is a symbolic link, not a folder: remove it" in line
    assert Path(tmp_path, "outside", "precious").exists()
