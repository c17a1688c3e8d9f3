from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

import bench.cli
import bench.commands.run
from bench.cli import run_command_line
from bench.errors import UserError
from bench.execution import local as local_launcher
from bench.execution.grid_runner import GridOutcome
from bench.execution.noise_floor import NoiseFloor, floor_of
from bench.execution.slots import Slot
from bench.experiment.grid import RunSpec
from bench.experiment.state import RunState
from bench.machine.health import Readings
from bench.records import read_plan
from bench.registry import METHODS
from tests.bench.test_registry import PLUGIN


@dataclass
class Calls:
    """What the command line asked of the runner and the report, and what they answer."""

    specs: list[RunSpec] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    references: list[str | None] = field(default_factory=list)
    failed: int = 0
    slots: list[Slot] = field(default_factory=list)
    floors: list[tuple[object, ...]] = field(default_factory=list)
    readings: Readings = field(default_factory=Readings)
    damaged: list[str] = field(default_factory=list)


@pytest.fixture
def calls(registered: None, monkeypatch: pytest.MonkeyPatch) -> Calls:
    made = Calls()

    def run_grid(
        states: Sequence[RunState], folder: Path, slots: Sequence[Slot], retry: object
    ) -> GridOutcome:
        assert (folder / "experiment.yaml").exists()
        made.specs, made.slots = [state.spec for state in states], list(slots)
        return GridOutcome(failed=made.failed)

    def write_report(
        path: Path, *, target: str = "gain=5", reference: str | None = None, **options: object
    ) -> types.SimpleNamespace:
        made.targets.append(target)
        made.references.append(reference)
        return types.SimpleNamespace(
            folder=path / "report", damaged=made.damaged, terminal="THE TABLE"
        )

    def measure_noise_floor(*arguments: object) -> NoiseFloor:
        made.floors.append(arguments)
        return floor_of([(1.1, 1.0), (1.0, 1.0)], "cpu", 1)

    monkeypatch.setattr(local_launcher, "measure_noise_floor", measure_noise_floor)
    monkeypatch.setattr(local_launcher, "read_machine", lambda threads: made.readings)
    monkeypatch.setattr(local_launcher, "run_grid", run_grid)
    monkeypatch.setattr(bench.commands.run, "_has_records", lambda folder: True)
    report = types.SimpleNamespace(write_report=write_report)
    monkeypatch.setitem(sys.modules, "reports.report", report)
    return made


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on stderr of a command that the user has to mend."""
    assert run_command_line([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1
    assert "error: " in printed.err
    return printed.err


def run(folder: Path, *arguments: str) -> int:
    return run_command_line(["run", "--device", "cpu", "--out", str(folder), *arguments])


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([]) == 0
    without = capsys.readouterr().out
    assert run_command_line(["--help"]) == 0
    assert capsys.readouterr().out == without
    for command in bench.cli.COMMANDS:
        assert f"  {command} " in without


@pytest.mark.parametrize("command", ["run", "report", "list", "check", "new"])
def test_help_of_each_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([command, "--help"]) == 0
    assert f"usage: python -m bench {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rum"], "bench: error: unknown command 'rum': did you mean 'run'?"),
        (["--hlep"], "did you mean '--help'?"),
        (["run", "--size", "32"], "bench run: error: unknown option '--size': did you mean"),
        (["run", "--methods"], "expected one argument"),
        (["run", "motion"], "unexpected argument 'motion'"),
        (["run", "--methods", "jbf"], "did you mean 'jfb'?"),
        (["run", "--problem", "motin"], "did you mean 'motion'?"),
        (["run", "--preset", "quik"], "did you mean 'quick'?"),
        (["run", "layer=degrd"], "did you mean 'degrad'?"),
        (["run", "train.step=3"], "did you mean 'train.steps'?"),
        (["run", "train.steps=abc"], "train.steps: 'abc' is not an int"),
        (["run", "--sizes", "16", "--problem", "motion"], "smaller than the blur kernel"),
        (["run", "--sizes", "0"], "not a whole number"),
        (["run", "--sizes", "-32"], "not a whole number"),
        (["run", "--sizes", "32.5"], "not a whole number"),
        (["run", "--seeds", "0"], "not a whole number"),
        (["run", "--seeds", "-1"], "not a whole number"),
        (["run", "--seeds", "1.5"], "not a whole number"),
        (["run", "--noise-pairs", "1"], "--noise-pairs 1: 0, or at least 2"),
        (["run", "--device", "gpu"], "unknown device 'gpu'"),
        (["run", "--plugin", "nowhere.py"], "plug-in 'nowhere.py': no such file"),
        (["report"], "the following arguments are required: folder"),
        (["report", "x", "train.steps=3"], "unexpected argument"),
        (["list", "metods"], "did you mean 'methods'?"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in refusal(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


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


def noise_floor_in(folder: Path) -> dict[str, float] | None:
    experiment = yaml.safe_load((folder / "experiment.yaml").read_text())
    floor: dict[str, float] | None = experiment.get("noise_floor")
    return floor


def test_the_noise_floor_is_measured_once_at_the_smallest_size(
    calls: Calls, tmp_path: Path
) -> None:
    arguments = ("--methods", "jfb", "--sizes", "64,32", "num_threads=2")
    assert run(tmp_path, *arguments) == 0
    assert calls.floors == [("cpu", 2, 32, 3)]
    floor = noise_floor_in(tmp_path)
    assert floor is not None
    assert floor["relative"] == pytest.approx(0.132, abs=1e-3)
    assert run(tmp_path, *arguments) == 0
    assert len(calls.floors) == 1
    assert noise_floor_in(tmp_path) == floor


def test_no_floor_is_measured_where_none_is_wanted_or_nothing_is_left_to_make(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path / "a", "--noise-pairs", "0") == 0
    monkeypatch.setattr(RunState, "is_due", lambda *_: False)
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

    monkeypatch.setattr(local_launcher, "measure_noise_floor", fail)
    assert run(tmp_path, "--methods", "jfb") == 0
    assert calls.specs
    assert "warning: no noise floor: no such luck" in capsys.readouterr().err


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
    said = "holds runs with train.steps=300 that this command, with train.steps=7, does not replace"
    assert said in refusal(capsys, *arguments)
    assert (tmp_path / "experiment.yaml").read_text() == described


def test_a_folder_of_gradients_is_refused(
    calls: Calls, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "experiment.yaml").write_text("gradients: {}\n")
    arguments = ("run", "--methods", "jfb", "--device", "cpu", "--out", tmp_path)
    assert "holds measurements of gradients" in refusal(capsys, *arguments)


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
    assert "cannot make the results folder" in refusal(capsys, *arguments, below_a_file)
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


def test_plugins_are_registered_for_run_and_list(
    calls: Calls, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    assert run(tmp_path / "new", "--plugin", str(plugin)) == 0
    assert "mine" in {spec.method for spec in calls.specs}
    capsys.readouterr()
    assert run_command_line(["list", "methods", "--plugin", str(plugin)]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    assert f"mine gradient steps=3 My own method. (from {plugin})" in listed


def test_list_shows_every_table_aligned(
    registered: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["list"]) == 0
    printed = capsys.readouterr().out
    for kind in ("methods", "problems", "layers", "images", "presets"):
        assert f"{kind}\n  name" in printed
    header, *rows = [line for line in printed.split("\n\n")[0].splitlines() if line][1:]
    columns = [header.index(title) for title in header.split()]
    assert len(rows) == len(METHODS.names())
    assert all(row[column - 1] == " " and row[column] != " " for row in rows for column in columns)
    assert "steps=5 damping=0.5 weights=(1.0, 2.0)" in printed


def test_report_passes_target_and_reference_on_and_names_damaged_records(
    calls: Calls, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--target", "psnr=30", "--reference", "ift"]
    assert run_command_line(["report", str(tmp_path), *options]) == 0
    assert (calls.targets, calls.references) == (["psnr=30"], ["ift"])
    calls.damaged = ["runs/a: cut short"]
    assert run_command_line(["report", str(tmp_path)]) == 2
    assert "damaged record: runs/a: cut short" in capsys.readouterr().err


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
        "import sys; from bench import registry; from bench.cli import run_command_line;"
        f"status = run_command_line({arguments!r});"
        "heavy = {'torch', 'deepinv', 'pandas', 'matplotlib'} & set(sys.modules);"
        "sys.exit(f'{status} {heavy}' if status or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
