"""What `bench.run` does is what the command does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import bench
from bench import api
from bench.commands.actions import run as command
from bench.errors import UserError
from bench.records import COMPLETED
from tests.support import records as factories
from tests.support.tiny_runs import TINY

TINY_SETTINGS = dict(setting.split("=") for setting in TINY)


def test_runs_come_back_as_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = bench.run(
        ["jfb", "tv[iterations=5,tune_images=2]"],
        "gaussian",
        sizes=16,
        seeds=1,
        out=tmp_path / "mine",
        device="cpu",
        noise_pairs=0,
        jobs=1,
        memory_pass=False,
        **TINY_SETTINGS,
    )
    assert list(results.runs["method"]) == ["jfb", "tv"]
    assert set(results.runs["status"]) == {COMPLETED}
    assert results.path == tmp_path / "mine"
    assert not (results.path / "report").exists()
    assert repr(results).endswith("mine': 2 runs, 2 methods, 1 workload, 1 seed>")
    assert capsys.readouterr().out == ""


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What the action is asked for; it makes nothing, and a folder of results is there."""
    asked: list[Any] = []

    def make(arguments: Any) -> command.Made:
        asked.append(arguments)
        return command.Made(0, folder)

    folder = factories.write_results(tmp_path)
    monkeypatch.setattr(api, "make", make)
    return asked


def test_options_are_those_of_the_command(given: list[Any]) -> None:
    bench.run("jfb", seeds=2, sizes=[16, 32], layer="deprox", retry_failed=True, plugins=["a.py"])
    (asked,) = given
    assert (asked.methods, asked.seeds, asked.sizes, asked.layer) == ("jfb", "2", "16,32", "deprox")
    assert (asked.retry, asked.plugin, asked.no_report) == ("failed", ["a.py"], True)
    assert (asked.problem, asked.preset, asked.overrides) == (None, "quick", ())
    bench.run(report=True)
    assert given[1].no_report is False


@pytest.mark.parametrize(
    "settings",
    [{"train": {"steps": 60}, "memory_pass": False}, {"train.steps": 60, "memory_pass": False}],
)
def test_settings_may_be_nested(given: list[Any], settings: Mapping[str, Any]) -> None:
    bench.run("jfb", **settings)
    assert given[0].overrides == ("train.steps=60", "memory_pass=false")


def test_mistakes_are_user_errors() -> None:
    with pytest.raises(UserError, match="did you mean 'jfb'"):
        bench.run("jbf")
    with pytest.raises(UserError, match="stps"):
        bench.run("jfb", train={"stps": 3})


def test_an_interrupt_is_one(given: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "make", lambda arguments: command.Made(130, Path("results")))
    with pytest.raises(KeyboardInterrupt):
        bench.run("jfb")
