"""A method whose formula needs the path of its forward pass."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.contracts.cases import Bound, Case, LayerCase
from bench.contracts.configured import with_offset
from bench.contracts.differentiation import differentiate_bound, require_close
from bench.contracts.gradients import reference
from bench.contracts.requirement import NotStated, require
from bench.contracts.stochastic import refuse_draws
from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.iterate import Solver

FORMULA = 1e-7
USUAL = Solver()


def formula_of_path(method: GradientMethod, case: Case) -> None:
    """w is the one stated for the path of the forward pass, sample by sample."""
    refuse_draws(method)
    _, jacobians, cotangents = reference(case)
    if method.stated_adjoint(jacobians[0], cotangents[0]) is not None:
        raise NotStated("the method states a formula without the path")
    for one in _samples(case):
        for solver in (USUAL, case.tight):
            judge_path(method, one, solver)


def _samples(case: Case) -> list[Case]:
    if isinstance(case, LayerCase):
        return [case.sample(index) for index in range(case.shape[0])]
    return [case]


def judge_path(method: GradientMethod, case: Case, solver: Solver) -> None:
    """Raise unless w of a batch of one is the one that is stated for its path."""
    path: list[tuple[Tensor, Tensor]] = []
    bound, offset = with_offset(_followed(case.condition(), path))
    result = differentiate_bound(method, case, bound, (offset,), solver)
    points, values = (torch.stack(each).flatten(1) for each in zip(*path, strict=True))
    cotangent = case.cotangent(result.image).flatten()
    stated = method.stated_adjoint_of_path(points, values, cotangent)
    if stated is None:
        raise NotStated("the method states no formula")
    shape = tuple(stated.shape)
    require(shape == tuple(cotangent.shape), f"stated_adjoint_of_path has shape {shape}")
    require_close((result.gradients[0].flatten(),), (stated,), FORMULA, "w, compared with the path")


def _followed(bound: Bound, path: list[tuple[Tensor, Tensor]]) -> Bound:
    """The same map, which keeps each argument and value without their graph."""
    inner, start = bound

    def followed(z: Tensor) -> Tensor:
        value = inner(z)
        path.append((z.detach().clone(), value.detach().clone()))
        return value

    return FixedPointMap(followed, inner.contraction_bound, inner.samples), start
