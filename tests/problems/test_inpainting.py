"""Inpainting: its mask, and what an observation has where a pixel is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from problems.inpainting import Inpainting
from tests.support.parameters import validate


def test_mask_keeps_the_stated_part_of_the_pixels() -> None:
    mask = Inpainting(size=128, kept=0.3).mask()  # 16384 pixels: known to 0.4 %
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert float(mask.mean()) == pytest.approx(0.3, abs=0.02)
    assert float(Inpainting(kept=1.0).mask().min()) == 1


def test_a_pixel_is_missing_in_all_colours() -> None:
    mask = Inpainting(channels=3).mask()
    assert mask.shape == (1, 3, 32, 32)
    assert torch.equal(mask[:, :1].expand_as(mask), mask)


def test_mask_is_decided_by_its_seed_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = Inpainting(mask_seed=3).mask()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert torch.equal(first, Inpainting(mask_seed=3).mask())
    assert not torch.equal(first, Inpainting(mask_seed=4).mask())


def test_kept_pixels_are_seen_with_noise_and_missing_ones_are_zero() -> None:
    problem = Inpainting(size=64, noise_sigma=0.1)
    physics, kept = problem.physics(), problem.mask().bool().expand(8, 1, 64, 64)
    clean = torch.full((8, 1, 64, 64), 0.5)
    observed = problem.observe(physics, clean, 0, "train_noise")
    assert not observed[~kept].any()
    assert float((observed - clean)[kept].std()) == pytest.approx(0.1, rel=0.02)
    quiet = replace(problem, noise_sigma=0.0).observe(physics, clean, 0, "train_noise")
    assert torch.equal(quiet, clean * kept)
    assert problem.as_image(physics, observed) is observed


@pytest.mark.parametrize("name", ["kept", "mask_seed"])
def test_bad_parameter_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}=-1: must be"):
        validate(Inpainting(**{name: -1}))
