from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.contracts.verdict import FAILED, check_method
from bench.plugins import load_plugin
from bench.registry import METHODS


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command_line(["new", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_what_is_written_passes_the_contract_as_it_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["new", "method", "my_idea_2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "wrote my_idea_2.py",
        "next:",
        "  python -m bench check my_idea_2 --plugin my_idea_2.py",
        "  python -m bench run --methods jfb,my_idea_2 --plugin my_idea_2.py "
        "--out results/my_idea_2",
    ]
    load_plugin("my_idea_2.py")
    cls = METHODS.get("my_idea_2")
    assert cls.__name__ == "MyIdea2"
    parameter, values = cls.budget
    assert all(cls(**{parameter: value}) for value in values)
    failed = [v for v in check_method("my_idea_2", ["degrad"]) if v.status == FAILED]
    assert failed == []


@pytest.mark.soak
def test_what_is_written_passes_the_contract_on_every_layer(here: Path) -> None:
    assert run_command_line(["new", "method", "my_idea"]) == 0
    load_plugin("my_idea.py")
    failed = [v for v in check_method("my_idea") if v.status == FAILED]
    assert failed == []


def test_what_is_written_is_tidy_and_needs_no_torch_to_be_listed(here: Path) -> None:
    assert run_command_line(["new", "method", "mine", "--out", "deep/er"]) == 0
    text = (here / "deep" / "er" / "mine.py").read_text()
    assert "$" not in text
    assert max(map(len, text.splitlines())) <= 100
    cls = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    functions = [node for node in cls.body if isinstance(node, ast.FunctionDef)]
    assert all(ast.get_docstring(node) for node in (cls, *functions))
    program = (
        "import sys; from bench.cli import run_command_line;"
        "status = run_command_line(['list', 'methods', '--plugin', 'deep/er/mine.py']);"
        "sys.exit(status or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "(from deep/er/mine.py)" in done.stdout


def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine.py").write_text("my work")
    assert "already exists" in refusal(capsys, "method", "mine")
    assert (here / "mine.py").read_text() == "my work"


def test_folders_that_cannot_be_made(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").touch()
    assert "cannot write file/mine.py" in refusal(capsys, "method", "mine", "--out", "file")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["method", "jfb"], "already registered by built-in"),
        (["method", "all"], "the name is reserved"),
        (["method", "My-Idea"], "starts with a lower-case letter"),
        (["method", "../mine"], "starts with a lower-case letter"),
        (["methd", "mine"], "did you mean 'method'?"),
        (["method"], "the following arguments are required: name"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert expected in refusal(capsys, *arguments)
    assert list(here.iterdir()) == []
