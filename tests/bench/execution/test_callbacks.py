"""What the callbacks of a run are told, and what one that fails leaves alone."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.callbacks.base import Callback, RunInfo
from bench.execution.callbacks import RunCallbacks
from bench.execution.grid_runner import run_grid
from bench.execution.order import Order
from bench.experiment.callbacks import parse_callbacks
from bench.experiment.folder import prepare_folder
from bench.experiment.identity import identity
from bench.experiment.layout import check_layout
from bench.experiment.state import Experiment, RunState
from bench.machine import code_version
from bench.measurement.failure import OutOfTime
from bench.plugins import load_plugin
from bench.records import load_results
from bench.registry import register_callback
from tests.support.tiny_runs import grid

PLUGIN = '''
import json
from dataclasses import dataclass
from bench import register_callback
from bench.callbacks.base import Callback

@register_callback("diary")
@dataclass
class Diary(Callback):
    """Writes down all that it is told."""

    def on_start(self, run):
        self.file = run.folder / "diary.jsonl"
        self.note("start", dict(run.row))

    def on_evaluation(self, point):
        self.note("evaluation", point)

    def on_end(self, row):
        self.note("end", row)

    def note(self, event, values):
        with self.file.open("a") as file:
            file.write(json.dumps([event, values]) + "\\n")

@register_callback("clumsy")
@dataclass
class Clumsy(Diary):
    """Fails at its second evaluation."""

    def on_evaluation(self, point):
        super().on_evaluation(point)
        if point["step"]:
            raise SystemExit("out of ink")
'''


@dataclass
class Draws(Callback):
    """Draws random numbers, and changes what it is given."""

    def on_evaluation(self, point: Mapping[str, Any]) -> None:
        random.random()
        torch.rand(3)
        point.clear()  # type: ignore[attr-defined]


@dataclass
class Late(Callback):
    """Is at work when the time of the run is over."""

    def on_evaluation(self, point: Mapping[str, Any]) -> None:
        raise OutOfTime("time limit reached")


@dataclass
class Refuses(Callback):
    """Works on another machine only."""

    def validate(self) -> None:
        raise ValueError("not here")

    def on_start(self, run: RunInfo) -> None:
        raise AssertionError("it was not asked first")


@pytest.fixture(autouse=True)
def few_callbacks() -> None:
    for cls in (Draws, Late, Refuses):
        register_callback(cls.__name__.lower())(cls)


def callbacks(results: Path, *labels: str) -> RunCallbacks:
    (spec,) = grid("jfb")
    results.mkdir(exist_ok=True)
    return RunCallbacks(Order(identity(spec), spec.config, results, callbacks=labels))


def noted(results: Path, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    (file,) = (results / "callbacks" / name).glob("*/diary.jsonl")
    for line in file.read_text().splitlines():
        event, values = json.loads(line)
        yield event, values


def test_a_run_tells_its_callbacks_and_outlives_one_that_fails(tmp_path: Path) -> None:
    (tmp_path / "diary.py").write_text(PLUGIN)
    load_plugin(str(tmp_path / "diary.py"))
    results, specs = tmp_path / "results", grid("jfb")
    prepare_folder(results, specs, {})
    labels = parse_callbacks("clumsy,diary")
    assert run_grid(Experiment.open(results, specs), callbacks=labels).failed == 0
    found = load_results(results)
    events = list(noted(results, "diary"))
    assert [event for event, _ in events] == ["start", *["evaluation"] * 3, "end"]
    assert events[0][1]["run_id"] == events[-1][1]["run_id"] == specs[0].run_id
    assert [values["psnr"] for _, values in events[1:-1]] == list(found.curves["psnr"])
    assert [values["step"] for _, values in events[1:-1]] == [0, 1, 2]
    assert events[-1][1]["psnr"] == found.runs["psnr"][0]
    assert events[-1][1]["status"] == "completed"
    assert [event for event, _ in noted(results, "clumsy")] == ["start", *["evaluation"] * 2]
    log = (results / "logs" / f"{specs[0].run_id}.log").read_text()
    reason = "callback clumsy: on_evaluation raised SystemExit: out of ink"
    assert log == f"warning: {reason}; it is not called again\n"
    assert Experiment.open(results, specs)[specs[0].run_id].state is RunState.DONE


def test_a_callback_changes_no_number(tmp_path: Path) -> None:
    told, point = callbacks(tmp_path, "draws"), {"step": 0, "psnr": 20.0}
    told.on_start({})
    random.seed(1)
    torch.manual_seed(1)
    expected = (torch.rand(1).item(), random.random())
    random.seed(1)
    torch.manual_seed(1)
    told.on_evaluation(point)
    assert (torch.rand(1).item(), random.random()) == expected
    assert point == {"step": 0, "psnr": 20.0}


def test_the_end_of_the_time_is_not_taken_for_a_failure_of_a_callback(tmp_path: Path) -> None:
    told = callbacks(tmp_path, "late")
    told.on_start({})
    with pytest.raises(OutOfTime):
        told.on_evaluation({})


def test_one_that_cannot_work_on_the_machine_of_a_run_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = callbacks(tmp_path, "refuses")
    told.on_start({})
    told.on_end({})
    line = "warning: callback refuses: on_start raised callback 'refuses': not here"
    assert capsys.readouterr().err == f"{line}; it is not called again\n"


def test_a_link_in_place_of_its_folder_is_not_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, outside = tmp_path / "results", tmp_path / "outside"
    outside.mkdir()
    (results / "callbacks").mkdir(parents=True)
    (results / "callbacks" / "draws").symlink_to(outside)
    callbacks(results, "draws").on_start({})
    assert "is a symbolic link, which is not followed" in capsys.readouterr().err
    assert list(outside.iterdir()) == []
    check_layout(results)


def test_the_code_of_callbacks_is_no_part_of_what_makes_a_result() -> None:
    modules = code_version._closure({code_version.MEASUREMENT})
    assert not [name for name in modules if "callbacks" in name]
