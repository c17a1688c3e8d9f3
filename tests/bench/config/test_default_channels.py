"""Faces are in colour by default; a setting of the user or of a preset wins."""

from __future__ import annotations

import pytest

from bench.config.overrides import compose_config
from bench.config.plain import from_plain
from bench.experiment.grid import GridRequest, build_grid


@pytest.mark.parametrize(
    ("overrides", "channels"),
    [
        ((), 1),
        (("images=celeba",), 3),
        (("images=celeba", "problem=inpainting"), 3),
        (("images=celeba", "problem.channels=1"), 1),
        (("problem.channels=1", "images=celeba"), 1),
        (("images=celeba", "images=natural"), 1),
        (("images=natural", "problem.channels=3"), 3),
    ],
)
def test_the_images_decide_the_channels_that_nobody_sets(
    overrides: tuple[str, ...], channels: int
) -> None:
    assert compose_config(["method=jfb", *overrides]).problem.channels == channels


@pytest.mark.parametrize(("preset", "channels"), [("quick", 3), ("paper", 3)])
@pytest.mark.parametrize("grey", [False, True])
def test_the_plan_of_a_grid_holds_what_was_decided(preset: str, channels: int, grey: bool) -> None:
    overrides = ("images=celeba", *(("problem.channels=1",) if grey else ()))
    request = GridRequest("jfb,tv", problem="all", preset=preset, device="cpu", overrides=overrides)
    specs = build_grid(request)
    assert {spec.config["problem"]["name"] for spec in specs} >= {"motion", "inpainting"}
    expected = 1 if grey else channels
    assert {from_plain(spec.config).problem.channels for spec in specs} == {expected}
