from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from bench.config.presets import PRESETS
from bench.errors import UserError
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.selection import (
    parse_choices,
    parse_methods,
    parse_names,
    parse_seeds,
    parse_sizes,
)
from bench.experiment.spec import RunSpec
from bench.machine.device import resolve_device
from bench.registry import LAYERS, PROBLEMS, register_problem
from tests.bench.conftest import Motion

pytestmark = pytest.mark.usefixtures("registered")


def grid(**request: object) -> list[RunSpec]:
    return build_grid(GridRequest(**{"device": "cpu", "seeds": "1", **request}))  # type: ignore[arg-type]


def labels(text: str) -> list[str]:
    return [choice.label for choice in parse_methods(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", ["jfb", "phantom", "tv"]),
        ("tv,all", ["tv", "jfb", "phantom"]),
        (" jfb , tv,", ["jfb", "tv"]),
        ("jfb,jfb", ["jfb"]),
        ("phantom[]", ["phantom"]),
        ("phantom[steps=1,3],jfb", ["phantom[steps=1]", "phantom[steps=3]", "jfb"]),
        (
            "phantom[steps=1,3,damping=0.5,0.9]",
            [
                f"phantom[steps={steps},damping={damping}]"
                for steps in (1, 3)
                for damping in (0.5, 0.9)
            ],
        ),
        ("phantom[steps=range(1,4)]", [f"phantom[steps={steps}]" for steps in (1, 2, 3)]),
        ("phantom[weights=[1,2]]", ["phantom[weights=[1,2]]"]),
    ],
)
def test_method_lists(text: str, expected: list[str]) -> None:
    assert labels(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jbf", "unknown method 'jbf': did you mean 'jfb'?"),
        ("al", "did you mean 'all'?"),
        ("phantom[step=1]", "unknown parameter of phantom 'step': did you mean 'steps'?"),
        ("phantom[steps]", "write KEY=VALUE"),
        ("phantom[steps=1", "not closed"),
        ("phantom]", "not closed"),
        ("all[steps=1]", "unknown method 'all'"),
        ("phantom[steps=1]x", "cannot read the method"),
        (",", "give at least one method"),
    ],
)
def test_bad_method_lists(text: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_methods(text)
    assert expected in str(caught.value)


def test_problem_lists() -> None:
    assert parse_names(PROBLEMS, "all") == ("gaussian", "motion")
    assert parse_names(PROBLEMS, "motion,gaussian,motion") == ("motion", "gaussian")
    with pytest.raises(UserError, match="did you mean 'motion'"):
        parse_names(PROBLEMS, "motoin")


def test_sizes_and_seeds() -> None:
    assert parse_sizes("32, 64,32") == (32, 64)
    assert parse_seeds("3") == (0, 1, 2)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "abc", "", "1e3", "٣", "9" * 5000])
def test_bad_sizes_and_seeds(text: str) -> None:
    with pytest.raises(UserError):
        parse_sizes(text)
    with pytest.raises(UserError):
        parse_seeds(text)


def test_methods_of_the_same_seed_are_adjacent_and_seeds_far_apart() -> None:
    specs = grid(methods="jfb,tv", problem="all", sizes="32,64", seeds="2")
    order = [
        (
            spec.config["problem"]["parameters"]["size"],
            spec.config["problem"]["name"],
            spec.config["seed"],
            spec.method,
        )
        for spec in specs
    ]
    assert order == [
        (size, problem, seed, method)
        for seed, methods in enumerate([("jfb", "tv"), ("tv", "jfb")])
        for size in (32, 64)
        for problem in ("gaussian", "motion")
        for method in methods
    ]


def test_run_ids_are_unique_and_safe_as_folder_names() -> None:
    specs = grid(methods="all,phantom[steps=1,3,weights=[1],[2]]", seeds="2")
    names = [spec.run_id for spec in specs]
    assert len(set(names)) == len(names) == 14
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,120}", name) for name in names)
    assert names[0] == f"motion-32-degrad-jfb-s0-{specs[0].config_hash[:8]}"
    assert "motion-32-none-tv-s0-" in " ".join(names)


def test_equal_configurations_are_run_once() -> None:
    assert [spec.method for spec in grid(methods="phantom,phantom[steps=5]")] == ["phantom"]


def test_the_hash_follows_everything_that_a_run_depends_on() -> None:
    base = grid(methods="jfb")[0].config_hash
    assert grid(methods="jfb")[0].config_hash == base
    assert re.fullmatch("[0-9a-f]{12}", base)
    for override in ("train.steps=9", "layer.features=8", "forward.tolerance=0.5", "num_threads=2"):
        assert grid(methods="jfb", overrides=(override,))[0].config_hash != base


def test_layers_and_forward_solver_do_not_concern_a_baseline() -> None:
    base = grid(methods="tv")
    swept = ("layer=degrad,deprox", "forward.tolerance=0.5", "layer.features=8")
    changed = grid(methods="tv", overrides=swept)
    assert [spec.config_hash for spec in changed] == [spec.config_hash for spec in base]
    assert base[0].config["layer"] is None


def test_only_layers_are_swept_outside_brackets() -> None:
    specs = grid(methods="jfb,tv", overrides=("layer=degrad,deprox",))
    layers = [(spec.config["layer"] or {}).get("name") for spec in specs]
    assert layers == ["degrad", "deprox", None]
    with pytest.raises(UserError, match="take several values"):
        grid(overrides=("train.steps=1,2",))


@pytest.mark.parametrize(
    ("override", "option"),
    [("seed=3", "--seeds"), ("problem.size=64", "--sizes"), ("method=jfb", "--methods")],
)
def test_settings_that_have_an_option_point_to_it(override: str, option: str) -> None:
    with pytest.raises(UserError, match=f"use {option} instead"):
        grid(overrides=(override,))


def test_user_settings_win_over_the_preset() -> None:
    preset = next(name for name, p in PRESETS.items() if "train.steps=600" in p.overrides)
    assert grid(methods="jfb", preset=preset)[0].config["train"]["steps"] == 600
    chosen = grid(methods="jfb", preset=preset, overrides=("train.steps=7",))
    assert chosen[0].config["train"]["steps"] == 7


@dataclass(frozen=True)
class SeveralKernels(Motion):
    """Motion blur with the parameters of a preset."""

    kernels: int = 1


def test_a_preset_sets_only_what_a_problem_has() -> None:
    register_problem("several")(SeveralKernels)
    for problem, expected in (("several", 3), ("motion", None), ("all", None)):
        parameters = [
            spec.config["problem"]["parameters"]
            for spec in grid(methods="tv,jfb", problem=problem, preset="standard")
        ]
        assert parameters[0].get("kernels") == expected
    with pytest.raises(UserError, match=r"unknown setting 'problem\.kernels'"):
        grid(methods="jfb", problem="motion", overrides=("problem.kernels=2",))


def test_unknown_preset_and_size_below_the_kernel() -> None:
    with pytest.raises(UserError, match="did you mean 'quick'"):
        grid(preset="quik")
    with pytest.raises(UserError, match="smaller than the blur kernel"):
        grid(sizes="32,16")


def test_device_names() -> None:
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(UserError, match="did you mean 'cuda'"):
        resolve_device("cudda")


@pytest.mark.parametrize("name", ["cuda", "cuda:3"])
def test_cuda_must_be_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.machine.device._cuda_devices", lambda: 0)
    with pytest.raises(UserError, match="CUDA is not available"):
        resolve_device(name)
    monkeypatch.setattr("bench.machine.device._cuda_devices", lambda: 4)
    monkeypatch.setattr("bench.machine.device._has_driver", lambda: True)
    assert resolve_device(name) == name
    assert resolve_device("auto") == "cuda"
    with pytest.raises(UserError, match="only cuda:0 to cuda:3"):
        resolve_device("cuda:4")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", ["degrad", "deprox"]),
        ("deprox,degrad,deprox", ["deprox", "degrad"]),
        ("degrad[features=8,16],deprox", ["degrad[features=8]", "degrad[features=16]", "deprox"]),
    ],
)
def test_layers_take_brackets_as_methods_do(text: str, expected: list[str]) -> None:
    assert [choice.label for choice in parse_choices(LAYERS, text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("degrd", "unknown layer 'degrd': did you mean 'degrad'?"),
        ("degrad[feature=8]", "unknown parameter of degrad 'feature': did you mean 'features'?"),
        ("all[features=8]", "unknown layer 'all'"),
        (",", "--layer: give at least one layer"),
    ],
)
def test_bad_lists_of_layers(text: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_choices(LAYERS, text)
    assert expected in str(caught.value)


def test_a_grid_crosses_layers_and_problems_with_their_parameters() -> None:
    specs = grid(
        methods="jfb", layer="degrad[features=8,16],deprox", problem="motion[noise_sigma=0.01,0.05]"
    )
    found = {
        (
            spec.config["layer"]["name"],
            spec.config["layer"]["parameters"].get("features"),
            spec.config["problem"]["parameters"]["noise_sigma"],
        )
        for spec in specs
    }
    layers = [("degrad", 8), ("degrad", 16), ("deprox", 16)]
    assert found == {(*layer, noise) for layer in layers for noise in (0.01, 0.05)}
    assert len({spec.run_id for spec in specs}) == len(specs) == 6


def test_brackets_win_over_settings() -> None:
    (spec,) = grid(methods="jfb", layer="degrad[features=8]", overrides=("layer.features=4",))
    assert spec.config["layer"]["parameters"]["features"] == 8
