"""Noise, and the pairs of clean and observed images that a run trains and is judged on."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import pytest
import torch
from torch import Tensor

from problems.data import Pairs, make_pairs
from problems.gaussian import GaussianBlur
from problems.images.base import PARTS, Part
from problems.images.natural import Natural

PROBLEM = GaussianBlur(size=16, kernel_size=5, noise_sigma=0.05)
PHYSICS = PROBLEM.physics()


def noise(clean: Tensor, seed: int = 0, purpose: str = "train_noise") -> Tensor:
    return PROBLEM.observe(PHYSICS, clean, seed, purpose) - PHYSICS.A(clean)


def pairs(part: Part, seed: int, images: Natural | None = None, count: int = 4) -> Pairs:
    return make_pairs(PROBLEM, PHYSICS, images or Natural(), part, count, seed)


def noise_of(made: Pairs) -> Tensor:
    return made.observed - PHYSICS.A(made.clean)


def test_noise_has_the_stated_standard_deviation_and_no_mean() -> None:
    drawn = noise(torch.zeros(200, 1, 16, 16))  # 51200 values: both are known to about 0.4 %
    assert float(drawn.std()) == pytest.approx(0.05, rel=0.02)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.05 * 5 / 51200**0.5)


def test_without_noise_the_observation_is_the_blurred_image() -> None:
    clean = torch.rand(2, 1, 16, 16)
    quiet = dataclasses.replace(PROBLEM, noise_sigma=0.0)
    assert torch.equal(quiet.observe(PHYSICS, clean, 0, "train_noise"), PHYSICS.A(clean))


def test_noise_is_decided_by_seed_and_purpose_alone() -> None:
    clean = torch.zeros(2, 1, 16, 16)
    torch.manual_seed(1)
    first = noise(clean)
    torch.manual_seed(2)
    assert torch.equal(first, noise(clean))
    assert far_apart(first, noise(clean, seed=1))
    assert far_apart(first, noise(clean, purpose="test_noise"))


def test_noise_differs_from_image_to_image() -> None:
    first, second = noise(torch.zeros(2, 3, 16, 16))
    assert far_apart(first, second)
    assert far_apart(first[0], first[1])


def test_other_crops_leave_the_noise_as_it_was() -> None:
    near, far = (pairs("train", 0, Natural(field_of_view=view)) for view in (2.0, 4.0))
    assert far_apart(near.clean, far.clean)
    torch.testing.assert_close(noise_of(near), noise_of(far), atol=1e-6, rtol=0)


def test_drawing_noise_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    noise(torch.zeros(1, 1, 16, 16))
    assert torch.equal(before, torch.get_rng_state())


def test_pairs_are_an_image_and_its_observation() -> None:
    made = pairs("test", 0)
    assert made.clean.shape == made.observed.shape == (4, 1, 16, 16)
    assert made.clean.dtype == made.observed.dtype == torch.float32
    assert float(noise_of(made).std()) == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize("part", PARTS)
def test_the_same_seed_gives_the_same_pairs(part: Part) -> None:
    first, second = pairs(part, 3), pairs(part, 3)
    assert torch.equal(first.clean, second.clean)
    assert torch.equal(first.observed, second.observed)


def test_a_seed_has_its_own_training_crops_and_noise() -> None:
    first, second = pairs("train", 0), pairs("train", 1)
    assert far_apart(first.clean, second.clean)
    assert far_apart(noise_of(first), noise_of(second))


@pytest.mark.parametrize("part", ["validation", "test"])
def test_every_seed_is_judged_on_the_same_images_under_its_own_noise(part: Part) -> None:
    first, second = pairs(part, 0), pairs(part, 1)
    assert torch.equal(first.clean, second.clean)
    assert far_apart(noise_of(first), noise_of(second))


@pytest.mark.parametrize(("first", "second"), [*combinations(PARTS, 2)])
def test_two_parts_share_neither_crops_nor_noise(first: Part, second: Part) -> None:
    some, others = pairs(first, 0), pairs(second, 0)
    assert far_apart(some.clean, others.clean)
    assert far_apart(noise_of(some), noise_of(others))


def far_apart(first: Tensor, second: Tensor) -> bool:
    """Whether the correlation is far from the 1 of equal noise or equal crops."""
    both = torch.stack([first.flatten(), second.flatten()])
    return abs(float(torch.corrcoef(both)[0, 1])) < 0.7
