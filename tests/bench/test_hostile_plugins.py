"""Plug-ins that raise where nobody expects it, or are not what they should be: one line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.errors import LONGEST_MESSAGE, UserError, first_line, named_line, text_of
from tests.support.command_line import refusal

HEAD = """
from __future__ import annotations
from dataclasses import dataclass, field
import bench

class Silent(BaseException):
    def __str__(self):
        raise RuntimeError("no text")
    __repr__ = __str__

def fail(error):
    raise error
"""
METHOD = '''
@bench.register_method("mine")
@dataclass(frozen=True)
class Mine:
    """Mine."""

    steps: int = 3
'''
IMPORTED = [
    (HEAD + "raise BaseException('out')", "BaseException: out"),
    (HEAD + "raise GeneratorExit", "GeneratorExit"),
    (HEAD + "raise Silent", "Silent: <Silent without a text>"),
    (
        METHOD.replace("int = 3", "list[int] = field(default_factory=lambda: fail(Silent()))"),
        "Silent",
    ),
    (METHOD.replace("int", "Nowhere"), "unsupported type of a parameter: name 'Nowhere'"),
    (METHOD.replace("int", "no.such.module"), "unsupported type of a parameter: name 'no'"),
    (METHOD.replace("int", "'list['"), "unsupported type of a parameter: Forward reference"),
    (METHOD.replace("int", "len"), "parameter 'steps': Unexpected type annotation: len"),
    (METHOD.replace("= 3", "= 'many'"), "parameter 'steps': Value 'many'"),
    (METHOD.replace("int = 3", "list = []"), "mutable default <class 'list'> for field steps"),
    (METHOD.replace(": int", ""), "parameter 'steps' needs a type"),
    (METHOD.replace("= 3", "= field(default=3, init=False)"), "'steps' cannot be set"),
    (METHOD.replace("@dataclass(frozen=True)\n", ""), "put @register_method above @dataclass"),
    (METHOD.replace('("mine")', ""), 'write @register_method("NAME"), with a name'),
    (METHOD.replace('"mine"', "5"), 'write @register_method("NAME"), with a name'),
    (METHOD.replace('"""Mine."""', "__doc__ = 5"), "a docstring is required"),
    (METHOD + "    family = property(lambda self: 1)", "'family' must be a text"),
    (METHOD + "    library = property(lambda self: 1)", "'library' must be a text"),
]
RAISED = {"Silent()": "Silent", "SystemExit(3)": "SystemExit: 3", "KeyError('a')": "KeyError: 'a'"}


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


@pytest.mark.parametrize(("text", "expected"), IMPORTED)
def test_what_cannot_be_registered_is_one_line(
    plugin: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    plugin.write_text(text if text.startswith(HEAD) else HEAD + text)
    said = refusal(capsys, "list", "methods", "--plugin", plugin)
    assert f"bench list: error: plug-in '{plugin}': " in said
    assert expected in said


@pytest.mark.parametrize("method", ["validate", "__post_init__"])
@pytest.mark.parametrize("raised", RAISED)
def test_whatever_a_method_raises_about_its_parameters_is_one_line(
    plugin: Path, capsys: pytest.CaptureFixture[str], method: str, raised: str
) -> None:
    plugin.write_text(f"{HEAD}{METHOD}\n    def {method}(self):\n        raise {raised}\n")
    options = ["--methods", "mine", "--plugin", plugin, "--out", plugin.parent / "results"]
    said = refusal(capsys, "run", "--dry-run", *options)
    assert RAISED[raised] in said


def test_a_method_without_a_text_is_listed_and_planned(
    plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin.write_text(f"{HEAD}{METHOD}\n    def __repr__(self):\n        raise Silent\n")
    given = ["--plugin", str(plugin)]
    assert run_command_line(["list", "methods", *given]) == 0
    out = str(plugin.parent / "results")
    assert run_command_line(["run", "--dry-run", "--methods", "mine", *given, "--out", out]) == 0
    assert "3 to run" in capsys.readouterr().out


def test_an_error_without_a_text_has_a_line() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert text_of(Silent()) == first_line(Silent()) == "<Silent without a text>"
    assert named_line(Silent()) == "Silent: <Silent without a text>"
    assert first_line(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_a_long_error_keeps_its_beginning_and_its_end() -> None:
    message = str(UserError(f"setting {'9' * 5000}: did you mean 'this'?"))
    assert len(message) == LONGEST_MESSAGE
    assert message.startswith("setting 999")
    assert message.endswith("999: did you mean 'this'?")
