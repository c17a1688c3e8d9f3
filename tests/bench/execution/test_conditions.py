"""How many runs execute at a time: what is measured, decided, said and put on record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.errors import UserError
from bench.execution import conditions as module
from bench.execution.conditions import Conditions, counts_to_try, settle_conditions
from bench.execution.noise_floor import Execution, NoiseFloor, floor_of
from bench.execution.penalty import Penalty
from bench.execution.slots import Slot
from bench.experiment.folder import prepare_folder
from bench.experiment.state import Experiment
from bench.plugins import load_all
from bench.records import read_experiment
from tests.support.tiny_runs import grid

GIBIBYTE = 2**30


@dataclass
class Machine:
    """A machine of four cores; what runs at a time cost there, and what was measured."""

    penalties: dict[int, float] = field(default_factory=lambda: {2: 0.05, 4: 0.05})
    floor: float = 0.1
    fault: str = ""
    asked: list[str] = field(default_factory=list)

    def penalty(self, slots: Sequence[Slot], threads: int, size: int) -> Penalty:
        self.asked.append(f"penalty of {len(slots)}")
        if self.fault:
            raise UserError(self.fault)
        relative = self.penalties[len(slots)]
        return Penalty(len(slots), relative, relative - 0.01, relative + 0.01, 16, size, threads)

    def noise(
        self, device: str, threads: int, size: int, pairs: int, slots: Sequence[Slot]
    ) -> NoiseFloor:
        self.asked.append(f"floor of {len(slots)}")
        if not math.isfinite(self.floor):
            raise UserError("no two runs took the same time")
        floor = floor_of([Execution(1, 1, 1, 1), Execution(1, 1, 1, 1)], device, threads)
        return NoiseFloor(**{**floor.as_mapping(), "relative": self.floor, "at_a_time": len(slots)})  # type: ignore[arg-type]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(module, "measure_penalty", made.penalty)
    monkeypatch.setattr(module, "measure_noise_floor", made.noise)
    monkeypatch.setattr(module, "available_cores", lambda: 4.0)
    monkeypatch.setattr(module, "usable_cores", lambda: [0, 1, 2, 3])
    monkeypatch.setattr("bench.execution.slots.usable_cores", lambda: [0, 1, 2, 3])
    memory = SimpleNamespace(available=64 * GIBIBYTE)
    monkeypatch.setattr(module, "psutil", SimpleNamespace(virtual_memory=lambda: memory))
    return made


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    load_all([])
    specs = grid("jfb,ift", seeds=2)
    prepare_folder(tmp_path, specs, {"command_line": "test", "request": {}, "plugins": []})
    return Experiment.open(tmp_path, specs)


def noted(experiment: Experiment, name: str) -> dict[str, object]:
    found: dict[str, object] = read_experiment(experiment.folder / "experiment.yaml")[name]
    return found


def test_all_cores_where_it_costs_less_than_the_noise_floor(
    machine: Machine, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    slots = settle_conditions(experiment, None, 3, due=27)
    assert [slot.cores for slot in slots] == [(0,), (1,), (2,), (3,)]
    assert machine.asked == ["penalty of 4", "floor of 4"]  # of the same company as the runs
    assert noted(experiment, "noise_floor")["at_a_time"] == 4
    entry = noted(experiment, "concurrency")
    assert (entry["at_a_time"], entry["limit"]) == (4, 0.1)
    assert entry["penalty"]["relative"] == 0.05  # type: ignore[index]
    said = capsys.readouterr().err
    assert "4 runs execute at a time: their penalty of 5.0 % is below 10.0 %\n" in said


def test_half_of_the_cores_where_all_cost_too_much(
    machine: Machine, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.penalties[4] = 0.6  # two threads of a core
    slots = settle_conditions(experiment, None, 3, due=27)
    assert [slot.cores for slot in slots] == [(0, 1), (2, 3)]
    assert machine.asked == ["penalty of 4", "penalty of 2", "floor of 2"]
    assert (
        "not 4 runs at a time: their penalty of 60.0 % is above 25.0 %" in capsys.readouterr().err
    )


def test_one_run_at_a_time_where_any_company_costs_more_than_the_floor(
    machine: Machine, experiment: Experiment
) -> None:
    machine.penalties = {4: 0.2, 2: 0.11}
    assert settle_conditions(experiment, None, 3, due=27) == [Slot()]
    assert machine.asked[-1] == "floor of 1"  # measured anew, as the runs will be
    assert noted(experiment, "noise_floor")["at_a_time"] == 1
    entry = noted(experiment, "concurrency")
    assert (entry["at_a_time"], entry["penalty"]["at_a_time"]) == (1, 2)  # type: ignore[index]


def test_the_number_of_the_user_wins_and_its_penalty_is_on_record(
    machine: Machine, experiment: Experiment
) -> None:
    machine.penalties[2] = 3.0
    slots = [Slot((0,)), Slot((1,))]
    assert settle_conditions(experiment, slots, 3, due=27) == slots
    assert machine.asked == ["penalty of 2", "floor of 2"]
    entry = noted(experiment, "concurrency")
    assert (entry["at_a_time"], entry["limit"]) == (2, None)
    assert settle_conditions(experiment, slots, 3, due=27) == slots
    assert len(machine.asked) == 2  # both are known


def test_the_floor_of_another_number_of_runs_at_a_time_does_not_count(
    machine: Machine, experiment: Experiment
) -> None:
    settle_conditions(experiment, [Slot()], 3, due=27)
    settle_conditions(experiment, [Slot((0,)), Slot((1,))], 3, due=27)
    assert machine.asked == ["floor of 1", "penalty of 2", "floor of 2"]
    assert noted(experiment, "noise_floor")["at_a_time"] == 2


def test_no_penalty_is_measured_of_one_run_at_a_time(
    machine: Machine, experiment: Experiment
) -> None:
    assert settle_conditions(experiment, [Slot()], 3, due=27) == [Slot()]
    assert machine.asked == ["floor of 1"]


def test_nothing_is_measured_without_pairs(machine: Machine, experiment: Experiment) -> None:
    assert settle_conditions(experiment, None, 0, due=27) == [Slot()]
    assert machine.asked == []


def test_an_experiment_goes_on_under_its_conditions(
    machine: Machine, experiment: Experiment
) -> None:
    begun = settle_conditions(experiment, None, 3, due=27)
    machine.asked.clear()
    assert settle_conditions(experiment, None, 3, due=3) == begun
    assert machine.asked == []


def test_one_that_was_begun_one_at_a_time_goes_on_so(
    machine: Machine, experiment: Experiment
) -> None:
    settle_conditions(experiment, [Slot()], 3, due=27)
    assert settle_conditions(experiment, None, 3, due=27) == [Slot()]
    assert machine.asked == ["floor of 1"]


def test_on_another_machine_it_is_measured_anew(
    machine: Machine, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_conditions(experiment, None, 3, due=27)
    monkeypatch.setattr(module.platform, "node", lambda: "another")
    settle_conditions(experiment, None, 3, due=27)
    assert machine.asked.count("penalty of 4") == 2


def test_a_penalty_that_cannot_be_measured_means_one_run_at_a_time(
    machine: Machine, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.fault = "no such luck"
    assert settle_conditions(experiment, None, 3, due=27) == [Slot()]
    assert "warning: cannot measure the penalty of runs at a time: no such luck" in (
        capsys.readouterr().err
    )


def test_without_a_noise_floor_there_is_no_limit_to_be_below(
    machine: Machine, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.floor = math.nan
    assert settle_conditions(experiment, None, 3, due=27) == [Slot()]
    told = capsys.readouterr().err
    assert "warning: cannot measure the noise floor: no two runs took the same time" in told
    assert "below" not in told
    assert "concurrency" not in read_experiment(experiment.folder / "experiment.yaml")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [4, 2]),
        ({"num_threads": 2}, [2]),
        ({"due": 3}, []),  # measuring would take longer than it saves
        ({"due": 7}, [3]),
        ({"largest": 512}, [4, 2]),
        ({"largest": 2048}, []),  # a run may need all of the memory
        ({"device": "cuda"}, []),
    ],
)
def test_what_is_tried(
    machine: Machine, changes: dict[str, object], expected: Sequence[int]
) -> None:
    usual: dict[str, object] = {"device": "cpu", "num_threads": 1, "smallest": 32, "largest": 32}
    assert counts_to_try(Conditions(**{**usual, "due": 27, **changes})) == expected  # type: ignore[arg-type]


def test_nothing_is_tried_where_processes_cannot_be_bound_to_cores(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> list[int]:
        raise UserError("no cores")

    monkeypatch.setattr(module, "usable_cores", refuse)
    assert counts_to_try(Conditions("cpu", 1, 32, 32)) == []
