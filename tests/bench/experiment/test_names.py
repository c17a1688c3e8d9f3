"""What runs are called in the progress of a command and in status."""

from __future__ import annotations

from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.names import named
from bench.experiment.spec import UNPLANNED, RunSpec


def places(**request: str) -> list[tuple[str, str, str]]:
    specs = build_grid(GridRequest(**{"methods": "jfb,tv", "seeds": "2", **request}))  # type: ignore[arg-type]
    return list(dict.fromkeys(spec.place for spec in specs))


def test_names_suffice_where_nothing_else_differs() -> None:
    assert places(layer="degrad[lipschitz=0.9]") == [
        ("motion", "32", "degrad"),
        ("motion", "32", ""),
    ]


def test_parameters_that_differ_are_named() -> None:
    found = places(
        problem="motion[noise_sigma=0.01,0.05],gaussian",
        layer="degrad[lipschitz=0.9,0.99]",
        network="convex_potential,dncnn[depth=3]",
    )
    assert {problem for problem, _, _ in found} == {
        "motion[noise_sigma=0.01]",
        "motion[noise_sigma=0.05]",
        "gaussian",
    }
    assert {layer for _, _, layer in found} == {
        "degrad[lipschitz=0.9]",
        "degrad[lipschitz=0.99]",
        "degrad[lipschitz=0.9]+dncnn",
        "degrad[lipschitz=0.99]+dncnn",
        "",
    }


def test_sizes_are_no_difference_of_problems() -> None:
    assert {place[:2] for place in places(sizes="32,64")} == {("motion", "32"), ("motion", "64")}


def test_a_title_is_the_place_the_method_and_the_seed() -> None:
    request = GridRequest(methods="jfb", seeds="1", layer="degrad[step_size=0.5,0.9]")
    titles = [spec.title for spec in build_grid(request)]
    assert titles == [f"motion 32 degrad[step_size={eta}] jfb seed 0" for eta in (0.5, 0.9)]


def test_runs_that_only_their_records_know_keep_their_own_names() -> None:
    recorded = [
        RunSpec(f"run {name}", {"problem": {"name": name}}, "jfb", UNPLANNED) for name in "ab"
    ]
    assert [spec.place[0] for spec in named(recorded)] == ["a", "b"]
    assert [spec.place for spec in named([RunSpec("lost", {}, "", UNPLANNED)])] == [("", "", "")]
