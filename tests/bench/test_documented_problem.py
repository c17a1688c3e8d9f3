"""The complete example of docs/adding-a-problem.md is a plug-in that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.config.overrides import compose_config
from bench.errors import UserError
from bench.measurement.run import measure
from bench.plugins import load_plugin
from bench.records import RunRecord

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-problem.md"
TINY = ("device=cpu", "problem=wide_pixels", "problem.size=16", "layer.blocks=1", "train.steps=1")
FEW = ("train.crops=2", "train.batch_size=2", "evaluate.validation_images=1", "evaluate.images=1")


@pytest.fixture
def example() -> str:
    (text,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(text)


def plugin(folder: Path, text: str) -> Path:
    path = folder / "wide_pixels.py"
    path.write_text(text)
    return path


def run(method: str, *overrides: str) -> RunRecord:
    return measure(compose_config([f"method={method}", *TINY, *FEW, *overrides]))


def test_the_example_is_listed(
    example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = plugin(tmp_path, example)
    assert run_command_line(["list", "problems", "--plugin", str(path)]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    assert "width=2 Wide pixels: y has the means of `width` neighbouring columns of x." in listed


@pytest.mark.parametrize("method", ["jfb", "dncnn", "tv"])
def test_the_example_runs(example: str, tmp_path: Path, method: str) -> None:
    load_plugin(str(plugin(tmp_path, example)))
    few = ("method.iterations=3",) if method == "tv" else ()
    record = run(method, "problem.width=4", *few)
    assert record.row["status"] == "completed", record.row.get("message")
    assert record.samples is not None
    assert record.samples.observed.shape == (1, 1, 16, 16)


def test_the_rule_of_the_example_is_one_line(example: str, tmp_path: Path) -> None:
    load_plugin(str(plugin(tmp_path, example)))
    with pytest.raises(UserError, match=r"^problem 'wide_pixels': size=18: must be a multiple of"):
        compose_config(["method=jfb", *TINY, "problem.size=18", "problem.width=4"])


def test_a_wrong_adjoint_ends_the_run_with_both_numbers(
    example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_plugin(str(plugin(tmp_path, example.replace(" / self.width,", ","))))
    record = run("jfb")
    capsys.readouterr()
    assert record.row["status"] == "error"
    assert "A_adjoint is not the transpose of A: ⟨A x, u⟩ is" in str(record.row["message"])
