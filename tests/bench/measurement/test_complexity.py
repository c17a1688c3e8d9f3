from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from bench.config.plain import from_plain
from bench.measurement.complexity import flops_of, parameter_count
from bench.measurement.run import measure
from methods.networks.modules.potential_step import PotentialStep
from tests.support.tiny_runs import TINY_TV, grid, number

TINY_PNP = "pnp_admm[iterations=3,tune_images=1,depth=3,features=4,denoiser_steps=2]"


def test_parameters_are_the_learned_numbers() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    assert parameter_count(model) == 4 * 9 + 4 + 2 * 4  # and not the running statistics
    model[0].requires_grad_(False)
    assert parameter_count(model) == 2 * 4


def test_a_convolution_by_hand() -> None:
    """Two operations for each weight and output pixel."""
    model = nn.Conv2d(2, 4, 3, padding=1, bias=False)
    assert flops_of(model, torch.rand(1, 2, 8, 8)) == 2 * (2 * 4 * 9) * 64


def test_the_written_out_block_is_counted() -> None:
    """W and its adjoint on the grid with a margin of one pixel: 8 filters of 9 weights each."""
    weight, threshold = torch.rand(8, 1, 3, 3), torch.full((1, 2, 8, 8), 0.1)
    step = PotentialStep(weight, threshold, torch.tensor(0.5))
    assert flops_of(step, torch.rand(1, 1, 8, 8)) == 2 * 2 * (8 * 9) * 10 * 10


@pytest.mark.usefixtures("short_timings")
def test_the_denoiser_counts_in_every_iteration_of_admm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path))
    pnp, tv = (measure(from_plain(spec.config)) for spec in grid(f"{TINY_PNP},{TINY_TV}"))
    weights = 9 * (4 + 4 * 4 + 4)
    assert number(pnp, "parameters") == weights + 4 + 4 + 1  # and the biases
    assert number(pnp, "flops_per_image") == 3 * 2 * weights * 16 * 16
    assert not {"parameters", "flops_per_image"} & set(tv.row)
