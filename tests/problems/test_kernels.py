"""Problems with several blur kernels, of which a run uses one."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from problems.base import DeblurringProblem, kernel_number, problem_of_seed
from problems.gaussian import GaussianBlur
from problems.motion import MotionBlur

every_kind = pytest.mark.parametrize("kind", [GaussianBlur, MotionBlur])


@every_kind
def test_the_run_of_a_seed_has_the_kernel_of_seed_mod_kernels(
    kind: type[DeblurringProblem],
) -> None:
    problem = kind(kernels=3, kernel_seed=5)
    made = [problem.for_seed(seed).kernel() for seed in range(5)]
    assert torch.equal(made[0], made[3])
    assert torch.equal(made[1], made[4])
    for first, second in itertools.combinations(made[:3], 2):
        assert float((first - second).abs().max()) > 1e-3
    assert [kernel_number(problem, seed) for seed in range(5)] == [0, 1, 2, 0, 1]


@every_kind
def test_with_one_kernel_every_seed_has_the_problem_itself(kind: type[DeblurringProblem]) -> None:
    problem = kind(kernel_seed=5)
    assert problem.for_seed(0) == problem.for_seed(7) == problem
    assert kernel_number(problem, 7) == 0


@every_kind
def test_the_kernel_of_a_seed_must_be_chosen(kind: type[DeblurringProblem]) -> None:
    problem = kind(kernels=2)
    with pytest.raises(ValueError, match="has 2 kernels: choose one with for_seed"):
        problem.physics()
    assert torch.equal(problem.for_seed(1).physics().filter, problem.for_seed(1).kernel())
    assert problem.for_seed(1).for_seed(2) == problem.for_seed(1)


def test_motion_kernels_are_those_of_the_next_kernel_seeds() -> None:
    problem = MotionBlur(kernels=3, kernel_seed=5)
    for seed, kernel_seed in enumerate((5, 6, 7, 5)):
        assert problem.for_seed(seed) == MotionBlur(kernel_seed=kernel_seed)


def test_gaussian_kernels_span_a_factor_of_two() -> None:
    problem = GaussianBlur(kernels=3, blur_sigma=1.6)
    spreads = [problem.for_seed(seed).blur_sigma for seed in range(3)]
    assert spreads == pytest.approx([1.6 / 2**0.5, 1.6, 1.6 * 2**0.5])
    assert replace(problem, kernels=2).for_seed(1).blur_sigma == pytest.approx(1.6 * 2**0.5)


def test_a_problem_of_a_plug_in_without_kernels_is_used_as_it_is() -> None:
    plugin = SimpleNamespace(size=16, kernels=["own", "meaning"])
    assert problem_of_seed(plugin, 3) is plugin
    assert math.isnan(kernel_number(plugin, 3))
