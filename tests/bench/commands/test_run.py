"""`bench run`: what it asks of the runner and the report, what it writes, and what it refuses."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.cli import run_command_line
from bench.errors import UserError
from bench.execution import conditions, local
from bench.execution.grid_runner import GridResult
from bench.execution.noise_floor import Execution, NoiseFloor, floor_of
from bench.execution.slots import Slot
from bench.experiment.spec import RunSpec
from bench.experiment.state import Experiment
from bench.machine.health import Readings
from bench.records import read_plan
from tests.support.command_line import PLUGIN, refusal

Printed = pytest.CaptureFixture[str]


@dataclass
class Calls:
    """What the command line asked of the runner and the report, and what they answer."""

    specs: list[RunSpec] = field(default_factory=list)
    failed: int = 0
    slots: list[Slot] = field(default_factory=list)
    callbacks: tuple[str, ...] = ()
    floors: list[tuple[object, ...]] = field(default_factory=list)
    readings: Readings = field(default_factory=Readings)
    damaged: list[str] = field(default_factory=list)


@pytest.fixture
def calls(registered: None, monkeypatch: pytest.MonkeyPatch) -> Calls:
    made = Calls()

    def run_grid(
        experiment: Experiment, slots: Sequence[Slot], retry: object, callbacks: tuple[str, ...]
    ) -> GridResult:
        assert (experiment.folder / "experiment.yaml").exists()
        (experiment.folder / "runs" / "a").mkdir(parents=True, exist_ok=True)
        made.specs, made.slots = list(experiment.specs), list(slots)
        made.callbacks = callbacks
        return GridResult(failed=made.failed)

    def write_report(path: Path) -> types.SimpleNamespace:
        return types.SimpleNamespace(
            folder=path / "report", damaged=made.damaged, terminal="THE TABLE", problems=[]
        )

    def measure_noise_floor(*arguments: object) -> NoiseFloor:
        made.floors.append(arguments)
        steps = (1.1, 1.0, 1.0, 1.0)
        return floor_of([Execution(step, 0.02, 0.01, 0.01) for step in steps], "cpu", 1)

    monkeypatch.setattr(conditions, "measure_noise_floor", measure_noise_floor)
    monkeypatch.setattr(conditions, "counts_to_try", lambda _: [])
    monkeypatch.setattr(local, "read_machine", lambda threads: made.readings)
    monkeypatch.setattr(local, "run_grid", run_grid)
    report = types.SimpleNamespace(write_report=write_report)
    monkeypatch.setitem(sys.modules, "reports.report", report)
    return made


def run(folder: Path, *arguments: str) -> int:
    return run_command_line(["run", "--device", "cpu", "--out", str(folder), *arguments])


def test_cuda_is_refused_before_anything_is_written(
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bench.machine.device._cuda_devices", lambda: 0)
    line = refusal(capsys, "run", "--device", "cuda", "--out", tmp_path / "new")
    assert "CUDA is not available" in line
    assert not (tmp_path / "new").exists()


def test_run_describes_the_experiment_runs_the_grid_and_reports(
    calls: Calls, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "results"
    settings = ("train.steps=7", "--methods", "jfb,phantom[steps=1,3]", "layer=deprox")
    assert run(folder, *settings, "--seeds", "2") == 0
    assert [spec.method for spec in calls.specs] == [
        "jfb",
        "phantom[steps=1]",
        "phantom[steps=3]",
        "phantom[steps=1]",
        "phantom[steps=3]",
        "jfb",
    ]
    assert {spec.config["train"]["steps"] for spec in calls.specs} == {7}
    assert {spec.config["layer"]["name"] for spec in calls.specs} == {"deprox"}
    printed = capsys.readouterr().out
    assert "THE TABLE" in printed
    assert str(folder) in printed
    experiment = yaml.safe_load((folder / "experiment.yaml").read_text())
    assert "'jfb,phantom[steps=1,3]'" in experiment["command_line"]
    assert experiment["versions"]["torch"]
    assert experiment["machine"]["memory_bytes"] > 0
    plan = read_plan(folder)
    stored = {name: plan.config(name) for name in plan.runs}
    assert stored == {spec.run_id: spec.config for spec in calls.specs}


def noise_floor_in(folder: Path) -> dict[str, Any] | None:
    experiment = yaml.safe_load((folder / "experiment.yaml").read_text())
    floor: dict[str, Any] | None = experiment.get("noise_floor")
    return floor


def test_the_noise_floor_is_measured_once_at_the_smallest_size(
    calls: Calls, tmp_path: Path
) -> None:
    arguments = ("--methods", "jfb", "--sizes", "64,32", "num_threads=2")
    assert run(tmp_path, *arguments) == 0
    assert calls.floors == [("cpu", 2, 32, 3, [Slot()])]
    floor = noise_floor_in(tmp_path)
    assert floor is not None
    assert floor["relative"] == pytest.approx(0.29, abs=1e-3)
    assert floor["kind"] == "quick estimate"
    assert set(floor["measures"]) == {"step", "image", "calibration"}
    assert run(tmp_path, *arguments) == 0
    assert len(calls.floors) == 1
    assert noise_floor_in(tmp_path) == floor


def test_no_floor_is_measured_where_none_is_wanted_or_nothing_is_left_to_make(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path / "a", "--noise-pairs", "0") == 0
    monkeypatch.setattr(Experiment, "is_due", lambda *_: False)
    assert run(tmp_path / "b") == 0
    assert calls.floors == []
    assert noise_floor_in(tmp_path / "a") is noise_floor_in(tmp_path / "b") is None


def test_a_floor_that_cannot_be_measured_does_not_stop_the_grid(
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def fail(*_: object) -> None:
        raise UserError("no such luck")

    monkeypatch.setattr(conditions, "measure_noise_floor", fail)
    assert run(tmp_path, "--methods", "jfb") == 0
    assert calls.specs
    assert "warning: cannot measure the noise floor: no such luck" in capsys.readouterr().err


def test_a_busy_machine_is_a_warning(
    calls: Calls, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    calls.readings = Readings(busy_cores=1.7, busiest="cc1")
    assert run(tmp_path, "--methods", "jfb") == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert "1.7" in line
    assert "cc1" in line


def test_a_failed_run_is_status_1(calls: Calls, tmp_path: Path) -> None:
    calls.failed = 2
    assert run(tmp_path / "new") == 1


def test_the_same_command_again_leaves_the_description_as_it_is(
    calls: Calls, tmp_path: Path
) -> None:
    assert run(tmp_path, "--methods", "jfb") == 0
    described = (tmp_path / "experiment.yaml").read_text()
    assert run(tmp_path, "--methods", "jfb") == 0
    assert (tmp_path / "experiment.yaml").read_text() == described


def test_another_method_is_added_to_the_experiment(calls: Calls, tmp_path: Path) -> None:
    assert run(tmp_path, "--methods", "jfb") == 0
    assert run(tmp_path, "--methods", "tv") == 0
    plan = read_plan(tmp_path)
    assert {plan.config(run_id)["method"]["name"] for run_id in plan.runs} == {"jfb", "tv"}
    experiment = yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    assert experiment["command_line"].endswith("tv")
    assert [told["command_line"].split()[-1] for told in experiment["earlier"]] == ["jfb"]


def test_runs_of_other_settings_are_not_mixed_with_those_that_stay(
    calls: Calls, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(tmp_path, "--methods", "jfb") == 0
    described = (tmp_path / "experiment.yaml").read_text()
    capsys.readouterr()
    arguments = ("run", "--methods", "tv", "train.steps=7", "--device", "cpu", "--out", tmp_path)
    said = "runs with train.steps=300, which this command (train.steps=7) would not replace"
    assert said in refusal(capsys, *arguments)
    assert (tmp_path / "experiment.yaml").read_text() == described


def test_a_folder_of_gradients_is_refused(
    calls: Calls, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "experiment.yaml").write_text("gradients: {}\n")
    arguments = ("run", "--methods", "jfb", "--device", "cpu", "--out", tmp_path)
    assert "holds results of bench gradients" in refusal(capsys, *arguments)


def test_folders_that_cannot_be_used(
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    arguments = ("run", "--device", "cpu", "--out")
    assert "is not empty" in refusal(capsys, *arguments, tmp_path)
    below_a_file = tmp_path / "diary.txt" / "results"
    assert "Not a directory" in refusal(capsys, *arguments, below_a_file)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    assert "not writable" in refusal(capsys, *arguments, tmp_path / "new")


def test_the_default_folder_names_problem_and_preset(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["run", "--device", "cpu", "--problem", "motion,gaussian"]
    assert run_command_line(command) == 0
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name.startswith("motion_gaussian-quick-2")


def test_plugins_are_registered(calls: Calls, tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    assert run(tmp_path / "new", "--plugin", str(plugin)) == 0
    assert "mine" in {spec.method for spec in calls.specs}
    experiment = yaml.safe_load((tmp_path / "new" / "experiment.yaml").read_text())
    assert experiment["plugins"] == [str(plugin)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--size", "32"], "bench run: error: unknown option '--size': did you mean"),
        (["--methods"], "expected one argument"),
        (["motion"], "unexpected argument 'motion'"),
        (["--methods", "jbf"], "did you mean 'jfb'?"),
        (["--problem", "motin"], "did you mean 'motion'?"),
        (["--preset", "quik"], "did you mean 'quick'?"),
        (["layer=degrd"], "did you mean 'degrad'?"),
        (["--layer", "degrd"], "unknown layer 'degrd': did you mean 'degrad'?"),
        (["--layer", "degrad,degrd"], "did you mean 'degrad'?"),
        (["--layer", ","], "give at least one layer"),
        (["--layer", "degrad", "layer=deprox"], "setting 'layer=deprox' conflicts with --layer"),
        (["train.step=3"], "did you mean 'train.steps'?"),
        (["train.steps=abc"], "train.steps: 'abc' is not an int"),
        (["--sizes", "16", "--problem", "motion"], "smaller than the blur kernel"),
        (["--sizes", "0"], "not a whole number"),
        (["--sizes", "-32"], "not a whole number"),
        (["--sizes", "32.5"], "not a whole number"),
        (["--seeds", "0"], "not a whole number"),
        (["--seeds", "-1"], "not a whole number"),
        (["--seeds", "1.5"], "not a whole number"),
        (["--noise-pairs", "1"], "--noise-pairs 1: must be 0 or from 2 to 1000"),
        (["--repeats", "1"], "--repeats 1: must be 0 or from 2 to 1000"),
        (["--repeats", "-2"], "--repeats -2: must be 0 or from 2 to 1000"),
        (["--repeats", "2.5"], "invalid int"),
        (["--launcher", "slurm", "--repeats", "2"], "works only with the local launcher"),
        (["--jobs", "0"], "--jobs 0: must be at least 1"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--wait"], "--wait works only with --launcher slurm"),
        (["slurm.gpus=1"], "slurm.gpus=1 works only with --launcher slurm"),
        (["--launcher", "slurm", "--jobs", "2"], "use slurm.parallelism instead"),
        (["--plugin", "nowhere.py"], "plug-in 'nowhere.py': no such file"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    calls: Calls,
    capsys: Printed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in refusal(capsys, "run", *arguments)
    assert list(tmp_path.iterdir()) == []
    assert calls.specs == []


@pytest.mark.parametrize(
    ("given", "layers"),
    [
        (["--layer", "all"], ["degrad", "deprox"]),
        (["--layer", "deprox,degrad,deprox"], ["deprox", "degrad"]),
        (["--layer", "deprox"], ["deprox"]),
        (["layer=deprox"], ["deprox"]),
        ([], ["degrad"]),
    ],
)
def test_gradient_methods_run_on_every_layer_and_others_once(
    calls: Calls, tmp_path: Path, given: list[str], layers: list[str]
) -> None:
    assert run(tmp_path, "--methods", "jfb,tv", "--seeds", "1", *given) == 0
    made = [(spec.method, spec.place[2]) for spec in calls.specs]
    assert made == [*(("jfb", layer) for layer in layers), ("tv", "")]


def test_callbacks_are_passed_on(calls: Calls, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CALLBACK)
    plugin = ("--plugin", str(tmp_path / "mine.py"))
    assert run(tmp_path / "results", *plugin, "--callbacks", "mine[every=2]") == 0
    assert calls.callbacks == ("mine[every=2]",)
    assert run(tmp_path / "results") == 0
    assert calls.callbacks == ()


CALLBACK = '''
from dataclasses import dataclass
from bench import register_callback
from bench.callbacks.base import Callback

@register_callback("mine")
@dataclass
class Mine(Callback):
    """Does nothing."""

    every: int = 1
'''
