"""The study: what is measured, and what survives a failure, an interrupt or an edit of the code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.experiment.grid import GridRequest, build_grid
from bench.fidelity.methods import chosen_methods
from bench.fidelity.progress import StudyProgress
from bench.fidelity.study import Study, describe_study, run_study, study_hash
from bench.plugins import load_builtins
from bench.records import load_results, read_gradients, write_experiment, write_gradients
from bench.registry import METHODS, register_method
from methods.jfb import JacobianFreeBackpropagation
from tests.support.tiny_runs import TINY

load_builtins()
SETTINGS = (*TINY, "train.batch_size=2", "network.guide_features=2")


def study(
    methods: str,
    *,
    sizes: str = "16",
    states: tuple[str, ...] = ("initial",),
    tolerances: tuple[float, ...] = (1e-2,),
    overrides: tuple[str, ...] = (),
    seeds: int = 1,
) -> Study:
    text = ",".join(choice.label for choice in chosen_methods(methods))
    request = GridRequest(
        text, sizes=sizes, seeds=str(seeds), device="cpu", overrides=(*SETTINGS, *overrides)
    )
    return Study(build_grid(request), states, tolerances)


def make(given: Study, folder: Path) -> int:
    folder.mkdir(exist_ok=True)
    write_experiment(folder / "experiment.yaml", {})
    with StudyProgress(len(given.specs) * len(given.states)) as progress:
        return run_study(given, folder, progress)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> dict[str, BaseException]:
    """Methods `first` and `second` that raise what the test puts here under their name."""
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))
    raised: dict[str, BaseException] = {}
    for own_name in ("first", "second"):

        @register_method(own_name)
        @dataclass(frozen=True)
        class Faulty(JacobianFreeBackpropagation):
            """JFB, until it fails."""

            def fixed_point(self, layer: Any, z0: Any, forward: Any) -> Any:
                if error := raised.get(METHODS.name_of(self)):
                    raise error
                return super().fixed_point(layer, z0, forward)

    return raised


def test_a_row_per_method_state_and_tolerance(tmp_path: Path) -> None:
    given = study(
        "jfb,unrolling[steps=2,4]", states=("initial", "trained"), tolerances=(1e-1, 1e-2)
    )
    assert make(given, tmp_path / "out") == 0
    table = load_results(tmp_path / "out").gradients
    assert len(table) == 2 * (2 + 2)
    assert set(table["state"]) == {"initial", "trained"}
    jfb = table[(table["method"] == "jfb") & (table["state"] == "initial")]
    assert list(jfb["tolerance"]) == [1e-1, 1e-2]
    assert table.loc[table["method"] == "unrolling", "tolerance"].isna().all()
    assert set(table["status"]) == {"completed"}
    assert (table["batch_size"] == 2).all()
    by_state = table[table["method"] == "unrolling"].groupby("state")["cosine"].first()
    assert by_state["initial"] != by_state["trained"]


def test_a_method_that_fails_is_a_row_and_the_others_are_measured(
    tmp_path: Path, faults: dict[str, BaseException]
) -> None:
    faults["first"] = ValueError("no\nluck")
    faults["second"] = torch.OutOfMemoryError("too large")
    assert make(study("first,second,jfb"), tmp_path / "out") == 2
    table = load_results(tmp_path / "out").gradients.set_index("method")
    assert dict(table["status"]) == {
        "first": "error",
        "second": "out_of_memory",
        "jfb": "completed",
    }
    assert table.loc["first", "message"] == "ValueError: no"
    assert math.isnan(table.loc["first", "cosine"])


def test_a_case_that_cannot_be_made_is_a_row_for_each_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no room for the reference")

    monkeypatch.setattr("bench.fidelity.study.reference_gradient", fail)
    assert make(study("jfb,unrolling[steps=2]", tolerances=(0.1, 0.01)), tmp_path / "out") == 4
    rows = read_gradients(tmp_path / "out")
    assert {row["status"] for row in rows} == {"out_of_memory"}
    assert [row["method"] for row in rows] == ["jfb"] * 2 + ["unrolling"] * 2


def test_an_interrupt_keeps_what_was_measured_and_the_rest_is_made_later(
    tmp_path: Path, faults: dict[str, BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = study("first,second,jfb"), tmp_path / "out"
    faults["second"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        make(given, out)
    (kept,) = read_gradients(out)
    assert kept["method"] == "first"
    faults.clear()
    faults["first"] = AssertionError("it was measured again")
    assert make(given, out) == 0
    assert sorted(str(row["method"]) for row in read_gradients(out)) == ["first", "jfb", "second"]
    assert str(kept) in map(str, read_gradients(out))  # as text: a NaN is not equal to itself
    assert "first seed 0 initial: cosine" in (said := capsys.readouterr().err)
    assert said.count("(from an earlier command)") == 1


def alter(folder: Path, method: str, **changes: object) -> None:
    """Rewrite the rows of a method as another code, or with other libraries, left them."""
    rows = read_gradients(folder)
    altered = [{**row, **changes} if row["method"] == method else row for row in rows]
    write_gradients(folder, altered)


def told(row: Mapping[str, object]) -> tuple[str, ...]:
    names = ("method", "state", "tolerance", "status", "code_version", "library_versions")
    return tuple(str(row[name]) for name in names)


@pytest.mark.parametrize("column", ["code_version", "library_versions"])
def test_rows_of_other_code_or_libraries_are_measured_again_and_replaced(
    column: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = study("jfb,unrolling[steps=2]", tolerances=(1e-1, 1e-2)), tmp_path / "out"
    assert make(given, out) == 0
    before = read_gradients(out)
    assert all(row[column] for row in before)
    alter(out, "jfb", **{column: "another", "cosine": 2.0})
    capsys.readouterr()
    assert make(given, out) == 0
    said = capsys.readouterr().err.splitlines()
    assert {"jfb" in line: "from an earlier command" in line for line in said} == {
        True: False,
        False: True,
    }
    after = read_gradients(out)
    assert sorted(map(told, after)) == sorted(map(told, before))
    assert all(float(str(row["cosine"])) <= 1 for row in after)


def test_an_interrupt_leaves_the_rows_of_other_code_until_they_are_replaced(
    tmp_path: Path, faults: dict[str, BaseException]
) -> None:
    given, out = study("first,second"), tmp_path / "out"
    assert make(given, out) == 0
    for method in ("first", "second"):
        alter(out, method, code_version="another")
    faults["second"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        make(given, out)
    rows = read_gradients(out)
    assert {row["method"]: row["code_version"] == "another" for row in rows} == {
        "first": False,
        "second": True,
    }
    assert len(rows) == 2


def test_a_failed_measurement_is_made_again(
    tmp_path: Path, faults: dict[str, BaseException]
) -> None:
    given, out = study("first,jfb"), tmp_path / "out"
    faults["first"] = ValueError("once")
    assert make(given, out) == 1
    faults.clear()
    assert make(given, out) == 0
    assert [row["status"] for row in read_gradients(out)] == ["completed"] * 2


def test_the_study_is_told_apart_by_all_that_it_measures() -> None:
    given = study("jfb")
    others = [
        study("phantom"),
        study("jfb", sizes="32"),
        replace(given, states=("trained",)),
        replace(given, tolerances=(1e-3,)),
    ]
    assert len({study_hash(each) for each in (given, *others)}) == 5
    described = describe_study(study("jfb,ift"), {})["gradients"]
    assert len(described["cases"]) == 1
    assert described["usual_tolerance"] == 1e-4


def test_a_training_that_diverges_is_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "bench.measurement.training.training_loss", lambda *given: given[1].sum() * math.nan
    )
    given = study("jfb", states=("initial", "trained"))
    assert make(given, tmp_path / "out") == 1
    initial, trained = read_gradients(tmp_path / "out")
    assert initial["status"] == "completed"
    assert trained["status"] == "diverged"
    assert "the loss is not finite (nan)" in str(trained["message"])


@pytest.mark.parametrize(
    "states", [("initial",), pytest.param(("initial", "trained"), marks=pytest.mark.soak)]
)
def test_a_seed_is_measured_with_its_own_kernel(tmp_path: Path, states: tuple[str, ...]) -> None:
    """The reference too: the exact gradient has no error with the operator of the same kernel."""
    measured = {}
    for kernels, first in ((2, 3), (1, 4)):
        settings = (f"problem.kernels={kernels}", f"problem.kernel_seed={first}")
        folder = tmp_path / str(kernels)
        given = study("jfb,ift[tolerance=1e-6]", overrides=settings, seeds=2, states=states)
        assert make(replace(given, tolerances=(1e-6,)), folder) == 0
        measured[kernels] = [
            {name: row[name] for name in ("method", "state", "cosine", "relative_error", "vjps")}
            for row in read_gradients(folder)
            if row["seed"] == 1
        ]
    assert measured[2] == measured[1]
    assert len(measured[2]) == 2 * len(states)
    exact = [float(str(row["relative_error"])) for row in measured[2] if row["method"] == "ift"]
    assert max(exact) < 1e-3
