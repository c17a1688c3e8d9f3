"""What is done, failed, stale, damaged, running and missing, and what a command makes of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.experiment.claims import Claims
from bench.experiment.files import move_aside
from bench.experiment.folder import default_folder, folders_of, prepare_folder
from bench.experiment.grid import GridRequest, RunSpec, build_grid
from bench.experiment.identity import identity, run_key
from bench.experiment.state import State, counted, state_of, states_of
from bench.records import RunRecord, read_plan, read_row, write_record

pytestmark = pytest.mark.usefixtures("registered")
STARTED = "2026-01-01T00:00:00.000+00:00"
Printed = pytest.CaptureFixture[str]


@pytest.fixture
def specs() -> list[RunSpec]:
    return build_grid(GridRequest("jfb,tv", sizes="32", seeds="2", device="cpu"))


def made(results: Path, spec: RunSpec, **changes: object) -> None:
    """Leave a record of the run, as it would be made now but for the changes."""
    row = identity(spec.run_id, spec.config, spec.config_hash)
    row |= {"status": "completed", "started_at": STARTED, **changes}
    write_record(results, RunRecord(row))


def test_the_states_of_a_grid(specs: list[RunSpec], tmp_path: Path) -> None:
    done, failed, damaged, missing = specs
    made(tmp_path, done)
    made(tmp_path, failed, status="out_of_memory", message="8 GiB")
    made(tmp_path, damaged)
    (tmp_path / "runs" / damaged.run_id / "record.json").write_text("{")
    states = states_of(specs, tmp_path)
    assert [each.state for each in states] == ["done", "failed", "damaged", "missing"]
    assert states[1].reason == "out_of_memory: 8 GiB"
    assert damaged.run_id in states[2].reason
    assert counted(states) == "1 done, 1 failed, 1 damaged, 1 missing"
    assert [state_of(spec, tmp_path) for spec in specs] == states
    assert [each.is_due(()) for each in states] == [False, False, True, True]
    assert [each.is_due([State.FAILED]) for each in states] == [False, True, True, True]
    claim = Claims(tmp_path).take(missing.run_id)
    assert claim is not None
    assert states_of(specs, tmp_path)[3].state is State.RUNNING


def test_a_folder_that_is_not_there_has_made_nothing(specs: list[RunSpec], tmp_path: Path) -> None:
    assert counted(states_of(specs, tmp_path / "none")) == "4 missing"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code_version": "0123456789ab"}, "its code changed"),
        ({"device": "cuda"}, "device cuda → cpu"),
        ({"config_hash": "0123456789ab"}, "its settings changed"),
        ({"code_version": "", "library_versions": ""}, "its record says neither code nor versions"),
        ({"library_versions": "[]"}, "its library versions cannot be read"),
    ],
)
def test_what_makes_a_record_stale(
    specs: list[RunSpec], tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    made(tmp_path, specs[0], **changes)
    state = state_of(specs[0], tmp_path)
    assert (state.state, state.reason) == (State.STALE, reason)
    assert state.is_due(())
    assert run_key({**state.identity, **changes}) != run_key(state.identity)


def test_another_version_of_a_library_is_named(specs: list[RunSpec], tmp_path: Path) -> None:
    now = json.loads(str(identity("a", specs[0].config, "b")["library_versions"]))
    assert {"python", "torch", "deepinv", "torchdeq", "implicit-bench"} <= set(now)
    made(tmp_path, specs[0], library_versions=json.dumps({**now, "torch": "1.0"}))
    assert state_of(specs[0], tmp_path).reason == f"torch 1.0 → {now['torch']}"


@pytest.mark.parametrize("setting", ["timeout_seconds=9", "memory_limit_gib=2"])
def test_a_limit_is_not_part_of_what_a_run_is(specs: list[RunSpec], setting: str) -> None:
    limited = build_grid(
        GridRequest("jfb,tv", sizes="32", seeds="2", device="cpu", overrides=(setting,))
    )
    assert [spec.run_id for spec in limited] == [spec.run_id for spec in specs]


def test_which_gpu_makes_a_run_is_not_part_of_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.machine.device._cuda_devices", lambda: 2)
    on = [build_grid(GridRequest("jfb", seeds="1", device=name)) for name in ("cuda", "cuda:1")]
    assert on[0] == on[1]
    assert on[0][0].config["device"] == "cuda"


def dry_run(printed: Printed, folder: Path | None, *arguments: str) -> list[str]:
    out = ["--out", str(folder)] if folder else []
    grid = ["--methods", "jfb,tv", "--sizes", "32", "--seeds", "2", "--device", "cpu"]
    assert run_command_line(["run", *grid, *out, "--dry-run", *arguments]) == 0
    return printed.readouterr().out.splitlines()


def test_a_dry_run_says_the_plan_and_touches_nothing(
    specs: list[RunSpec], tmp_path: Path, capsys: Printed
) -> None:
    folder = tmp_path / "results"
    *lines, last = dry_run(capsys, folder)
    assert lines == [f"missing {spec.run_id}" for spec in specs]
    assert last == f"{folder}: 4 runs: 4 missing; 4 to make"
    assert not folder.exists()
    prepare_folder(folder, specs, {})
    made(folder, specs[0])
    made(folder, specs[1], status="diverged", message="the loss was nan")
    made(folder, specs[2], code_version="0123456789ab")
    before = sorted(folder.rglob("*"))
    *lines, last = dry_run(capsys, folder)
    assert lines[1] == f"failed  {specs[1].run_id} (diverged: the loss was nan)"
    assert lines[2] == f"stale   {specs[2].run_id} (its code changed)"
    assert last.endswith("4 runs: 1 done, 1 failed, 1 stale, 1 missing; 2 to make")
    assert dry_run(capsys, folder, "--retry", "failed")[-1].endswith("3 to make")
    assert sorted(folder.rglob("*")) == before


def test_without_a_folder_the_newest_that_lacks_a_run_is_continued(
    specs: list[RunSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "results/motion-quick-2" in dry_run(capsys, None)[-1]
    for name, count in (("20260101-000000", 2), ("20260102-000000", 4)):
        folder = Path(f"results/motion-quick-{name}")
        prepare_folder(folder, specs, {})
        for spec in specs[:count]:
            made(folder, spec)
    other = Path("results/motion-quick-20260103-000000")
    prepare_folder(other, specs[:1], {})
    assert folders_of(specs, "motion", "quick")[0].name.endswith("20260102-000000")
    # The newest has all its runs: the experiment is made anew.
    assert "20260102" not in dry_run(capsys, None)[-1]
    (Path("results/motion-quick-20260102-000000/runs") / specs[3].run_id).rename("elsewhere")
    assert dry_run(capsys, None)[-1].startswith("results/motion-quick-20260102-000000: 4 runs")


def test_a_changed_setting_moves_what_it_replaces_aside(
    specs: list[RunSpec], tmp_path: Path
) -> None:
    prepare_folder(tmp_path, specs, {})
    for spec in specs:
        made(tmp_path, spec)
    request = GridRequest(
        "jfb,tv", sizes="32", seeds="2", device="cpu", overrides=("train.steps=9",)
    )
    changed = build_grid(request)
    prepare_folder(tmp_path, changed, {})
    assert set(read_plan(tmp_path).runs) == {spec.run_id for spec in changed}
    assert not list((tmp_path / "runs").iterdir())
    assert len(list((tmp_path / "superseded").iterdir())) == 4


def test_records_moved_aside_do_not_overwrite_each_other(
    specs: list[RunSpec], tmp_path: Path
) -> None:
    for number in range(3):
        made(tmp_path, specs[0], message=str(number))
        move_aside(tmp_path, specs[0].run_id)
    kept = sorted((tmp_path / "superseded").iterdir())
    messages = [json.loads((each / "record.json").read_text())["message"] for each in kept]
    assert messages == ["0", "1", "2"]
    assert read_row(tmp_path, specs[0].run_id) is None


def test_the_name_of_a_folder_is_made_of_plain_letters() -> None:
    assert default_folder("motion,../x", "quick").name.startswith("motion____x-quick-")


def status(printed: Printed, *arguments: str) -> list[str]:
    assert run_command_line(["status", *arguments]) == 0
    return printed.readouterr().out.splitlines()


def test_status_counts_and_names_what_needs_attention(
    specs: list[RunSpec], tmp_path: Path, capsys: Printed
) -> None:
    prepare_folder(tmp_path, specs, {})
    made(tmp_path, specs[0])
    made(tmp_path, specs[1], status="error", message="a \x1b[31mfault")
    claim = Claims(tmp_path).take(specs[2].run_id)
    assert claim is not None
    lines = status(capsys, str(tmp_path))
    assert lines[0].split() == ["problem", "size", "layer", "method", *lines[0].split()[4:]]
    assert lines[0].split()[4:] == ["done", "failed", "running", "missing"]
    assert [line.split()[:4] for line in lines[1:3]] == [
        ["motion", "32", "degrad", "jfb"],
        ["motion", "32", "tv", "1"],
    ]
    assert f"running  {specs[2].run_id} (process {os.getpid()} on " in lines[4]
    assert lines[5] == f"failed   {specs[1].run_id} (error: a ?[31mfault)"
    assert lines[-1] == f"{tmp_path}: 4 runs: 1 done, 1 failed, 1 running, 1 missing"
    every = status(capsys, "--all", str(tmp_path))
    assert [line.split()[0] for line in every[:4]] == ["done", "failed", "running", "missing"]


def test_status_of_what_is_no_results_folder(tmp_path: Path, capsys: Printed) -> None:
    assert run_command_line(["status", str(tmp_path)]) == 2
    assert "experiment.yaml" in capsys.readouterr().err
    (tmp_path / "experiment.yaml").write_text("{}")
    assert run_command_line(["status", str(tmp_path)]) == 2
    assert "no runs are planned" in capsys.readouterr().err
