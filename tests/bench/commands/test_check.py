from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import plugins
from bench.cli import run_command_line
from bench.contracts import verdict
from bench.contracts.properties import PROPERTIES
from bench.plugins import load_builtins
from bench.registry import METHODS, REGISTRIES

HEADER = """
    from dataclasses import dataclass
    from bench import register_method
    from methods.base import GradientMethod

    @register_method("mine")
    @dataclass(frozen=True)
"""
WRONG_SIGN = '''
    class Mine(GradientMethod):
        """JFB with the wrong sign."""

        def fixed_point(self, layer, z0, forward):
            z = forward(layer, z0)
            return 2 * z - layer(z)

        def stated_adjoint(self, jacobian, cotangent):
            return cotangent
'''
RAISES = '''
    class Mine(GradientMethod):
        """Raises."""

        def fixed_point(self, layer, z0, forward):
            raise ValueError("two\\nlines")
'''


@pytest.fixture(autouse=True)
def plugins_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    load_builtins()
    for kind in REGISTRIES:
        monkeypatch.setattr(kind, "_entries", dict(kind._entries))
    monkeypatch.setattr(plugins, "_loaded_plugins", [])
    return


def plugin(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(textwrap.dedent(HEADER) + textwrap.dedent(text))
    return str(path)


def check(*arguments: str) -> int:
    return run_command_line(["check", *arguments, "--layer", "degrad"])


@pytest.fixture
def few_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check of these alone, which takes a second; what a method needs to fail is among them."""
    names = {"own_formula", "descent_direction", "deterministic", "image_at_test_time", "counts"}
    few = tuple(one for one in PROPERTIES if one.name in names)
    monkeypatch.setattr(verdict, "PROPERTIES", few)


def rows(printed: str) -> dict[str, list[str]]:
    """The columns of each property in the table: of the layer, or of the linear problems."""
    names = {one.name for one in PROPERTIES}
    lines = [line.split() for line in printed.splitlines() if line.split()]
    return {words[0]: words[1:] for words in lines if words[0] in names}


def test_a_right_method_is_status_0_with_a_row_for_each_property(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert check("phantom[steps=2,damping=0.7,form=neumann]") == 0
    printed = capsys.readouterr().out
    assert "steps=2, damping=0.7, form='neumann'" in printed
    table = rows(printed)
    assert list(table) == [one.name for one in PROPERTIES]
    assert table["own_formula"][0] == "ok"
    assert table["finite_differences"][:2] == ["not", "stated"]
    assert "FAILED" not in printed
    inexact = "finite_differences, slow_contraction, second_derivative"
    assert f"not stated: {inexact} (the method says" in printed
    unstated = re.findall(r"\w+", " ".join(re.findall(r"^not stated: (.*) \(", printed, re.M)))
    holding = len(PROPERTIES) - len(unstated)
    summary = f"ok ({holding} properties hold, 0 fail, {len(unstated)} are not stated)"
    assert printed.splitlines()[-1].endswith(summary)


@pytest.mark.usefixtures("few_properties")
def test_a_wrong_method_is_status_1_with_its_reasons(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert check("mine", "--plugin", plugin(tmp_path, WRONG_SIGN)) == 1
    printed = capsys.readouterr().out
    table = rows(printed)
    assert table["own_formula"][0] == table["descent_direction"][0] == "FAILED"
    assert table["deterministic"][0] == "ok"
    reason = "FAILED own_formula (degrad, float64): compared with the stated formula: relative"
    assert reason in printed
    assert (
        "FAILED descent_direction (degrad, float64): the cosine with the exact gradient is -"
        in printed
    )
    assert printed.splitlines()[-1].startswith("mine: FAILED")


@pytest.mark.usefixtures("few_properties")
def test_a_method_that_raises_gets_verdicts_and_no_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert check("mine", "--plugin", plugin(tmp_path, RAISES)) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    table = rows(printed.out)
    assert {table[name][0] for name in ("own_formula", "counts", "deterministic")} == {"FAILED"}
    assert "FAILED counts (degrad, float64): ValueError: two\n" in printed.out


@pytest.mark.usefixtures("few_properties")
def test_a_failure_in_one_precision_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.contracts import conduct

    monkeypatch.setitem(conduct.TEST_IMAGE, conduct.torch.float32, -1.0)
    assert check("jfb") == 1
    row = rows(capsys.readouterr().out)["image_at_test_time"]
    assert row[:2] == ["FAILED", "float32"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["jbf"], "did you mean 'jfb'?"),
        (["all"], "give one at a time"),
        (["phantom[steps=1,3]"], "names 2 methods"),
        (["phantom[step=1]"], "did you mean 'steps'?"),
        (["phantom[steps=0]"], "must be at least 1"),
        (["phantom[steps=x]"], "'x' is not an int"),
        (["tv"], "'tv' is not a gradient method"),
        (["jfb", "--layer", "degrd"], "did you mean 'degrad'?"),
        (["jfb", "--layer", ","], "give at least one layer"),
        (["jfb", "--plugin", "nowhere.py"], "no such file"),
        (["jfb", "train.steps=3"], "unexpected argument"),
        ([], "the following arguments are required: method"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert run_command_line(["check", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert expected in printed.err


def test_a_plugin_without_the_base_class_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = 'class Mine:\n    """Nothing."""\n'
    assert check("mine", "--plugin", plugin(tmp_path, text)) == 2
    assert "'mine' is not a gradient method (a subclass of" in capsys.readouterr().err
    assert "mine" in METHODS.names()
