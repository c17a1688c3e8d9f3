"""Every preset is a grid that can be composed, and each option of the user's wins over it."""

from __future__ import annotations

import argparse

import pytest

from bench.commands.actions._shared import fill_from
from bench.config.overrides import compose_config
from bench.config.presets import PRESETS, get_preset
from bench.errors import UserError
from bench.experiment.grid import GridRequest, build_grid
from bench.plugins import load_builtins
from tests.support.command_line import run_command_line

load_builtins()


def arguments(*overrides: str, **given: str) -> argparse.Namespace:
    options = dict.fromkeys(("methods", "problem", "layer", "network"))
    return argparse.Namespace(**{**options, **given, "overrides": overrides})


def filled(preset: str, *overrides: str, **given: str) -> GridRequest:
    asked = arguments(*overrides, **given)
    fill_from(get_preset(preset), asked, ("methods", "problem", "layer", "network"))
    chosen = {name: getattr(asked, name) for name in ("methods", "problem", "layer", "network")}
    return GridRequest(preset=preset, seeds="1", device="cpu", overrides=overrides, **chosen)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_grid(name: str) -> None:
    specs = build_grid(filled(name))
    assert {spec.config["problem"]["parameters"]["size"] for spec in specs} == set(
        get_preset(name).sizes
    )


def test_the_seed_papers_setting() -> None:
    """CelebA in colour, 128 pixels, 5 × 5 Gaussian of σ = 1, noise 0.01, Anderson to 1e-3."""
    (jfb,) = (spec for spec in build_grid(filled("paper")) if spec.method == "jfb")
    problem, network = (jfb.config[group]["parameters"] for group in ("problem", "network"))
    assert jfb.config["images"]["name"] == "celeba"
    assert (problem["size"], problem["channels"], problem["kernel_size"]) == (128, 3, 5)
    assert (problem["blur_sigma"], problem["noise_sigma"], problem["kernels"]) == (1.0, 0.01, 1)
    assert jfb.config["layer"]["parameters"]["lipschitz"] == 1.0
    assert jfb.config["network"]["name"] == "dncnn"
    assert (network["depth"], network["features"]) == (17, 64)
    assert jfb.config["forward"] == {
        **jfb.config["forward"],
        "solver": "anderson",
        "max_iterations": 50,
        "tolerance": 1e-3,
    }


def test_the_large_baselines_of_the_paper_train_at_a_rate_of_their_own() -> None:
    """At the shared rates, networks of these sizes end decibels below small ones."""
    specs = {
        spec.method: spec.config["method"]["parameters"] for spec in build_grid(filled("paper"))
    }
    assert (specs["dncnn"]["depth"], specs["dncnn"]["learning_rate_factor"]) == (17, 0.1)
    assert (specs["restormer"]["features"], specs["restormer"]["learning_rate_factor"]) == (24, 0.2)
    assert (specs["unet"]["features"], specs["unet"]["learning_rate_factor"]) == (32, 1.0)
    assert (specs["pnp_admm"]["depth"], specs["pnp_admm"]["denoiser_learning_rate"]) == (17, 1e-3)


def test_regimes_crosses_contraction_network_problem_and_noise() -> None:
    specs = build_grid(filled("regimes", methods="jfb"))
    crossed = {
        (
            spec.config["problem"]["name"],
            spec.config["problem"]["parameters"]["noise_sigma"],
            spec.config["layer"]["parameters"]["lipschitz"],
            spec.config["network"]["name"],
        )
        for spec in specs
    }
    assert len(specs) == len(crossed) == 2 * 2 * 4 * 2


def test_what_the_user_gives_wins() -> None:
    (spec,) = build_grid(
        filled("paper-small", "layer=deprox", methods="jfb", problem="motion", network="deepinv")
    )
    chosen = {group: spec.config[group]["name"] for group in ("problem", "layer", "network")}
    assert chosen == {"problem": "motion", "layer": "deprox", "network": "deepinv"}


def test_a_preset_of_gradients_is_refused_by_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["run", "--preset", "paper-timing"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "python -m bench gradients --preset paper-timing" in said


def test_the_former_names_of_settings_still_work() -> None:
    base = ("method=jfb", "problem=motion")
    assert compose_config([*base, "layer.blocks=3"]).network.blocks == 3
    with pytest.raises(UserError, match=r"network\.blocks"):  # dncnn has none
        compose_config([*base, "network=dncnn", "layer.blocks=3"])


@pytest.mark.parametrize(("network", "refused"), [("convex_potential", True), ("dncnn", False)])
def test_a_lipschitz_constant_of_one_is_for_networks_without_a_guarantee(
    network: str, refused: bool
) -> None:
    settings = ("method=jfb", "problem=motion", f"network={network}", "layer.lipschitz=1")
    if refused:
        with pytest.raises(UserError, match="must be below 1 with the network 'convex_potential'"):
            compose_config(settings)
    else:
        assert compose_config(settings).layer.lipschitz == 1


def test_a_network_is_given_once() -> None:
    request = GridRequest(methods="jfb", network="dncnn", overrides=("network=deepinv",))
    with pytest.raises(UserError, match="conflicts with --network"):
        build_grid(request)
