"""What a method reports of its costs and convergence, against what it really did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bench.contracts.cases import Case, LayerCase
from bench.contracts.differentiation import differentiate, differentiate_bound
from bench.contracts.passes import Passes, marked
from bench.contracts.requirement import require
from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.networks.implicit_layer.batching import width
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver

COUNTERS = ("evaluations", "vjps")


def counts(method: GradientMethod, case: Case) -> None:
    """`evaluations` and `vjps` equal the numbers computed, in training and at test time.

    A product or evaluation for many vectors at once is as many.
    """
    for setting, solver in _settings(case):
        _require_counts(method, case, solver, setting)


def counts_at_limit(method: GradientMethod, case: Case) -> None:
    """The same numbers are equal for the method at its most accurate."""
    counts(method.at_limit(), case)


def forward_reported(method: GradientMethod, case: LayerCase) -> None:
    """A truncated forward solve is reported as not converged."""
    cut = replace(case.tight, name="fixed_point", max_iterations=3)
    fraction = differentiate(method, case, cut).trace.forward.converged_fraction
    reason = f"after 3 iterations the reported converged fraction is {fraction}, not below 1"
    require(fraction < 1, reason)


def _settings(case: Case) -> Iterator[tuple[str, Solver]]:
    yield "tight tolerance", case.tight
    yield "usual tolerance", Solver()
    yield "cut short", Solver(max_iterations=3)


def _require_counts(method: GradientMethod, case: Case, solver: Solver, setting: str) -> None:
    layer, start = watched(case)
    with Passes(start.numel()) as trained:
        differentiate_bound(method, case, (layer, start), case.inputs, solver)
    layer.require_as_computed(trained.count, f"{setting}, in training")
    layer, start = watched(case)
    with torch.no_grad(), Passes(start.numel()) as shown:
        method.reconstruct(layer, start, ForwardSolver(solver))
    layer.require_as_computed(shown.count, f"{setting}, at test time")


def watched(case: Case) -> tuple[WatchedMap, Tensor]:
    """The map of a case, marked for `Passes`, and the starting point."""
    layer, start = case.condition()
    return WatchedMap(layer), start


class WatchedMap(FixedPointMap):
    """A map that also counts its evaluations apart, and knows who writes its counters.

    computed: evaluations of the function below the counters; meddled: whether anything but the
    map's own methods has written a counter.
    """

    def __init__(self, inner: FixedPointMap) -> None:
        self.computed, self.meddled, self._counting = 0, False, True

        def noting(z: Tensor) -> Tensor:
            self.computed += width(z, inner.samples)
            return marked(inner._function(z))

        super().__init__(noting, inner.contraction_bound, inner.samples)
        self._counting = False

    def __call__(self, z: Tensor) -> Tensor:
        """T(z)."""
        self._counting = True
        try:
            return super().__call__(z)
        finally:
            self._counting = False

    def count_product(self, vector: Tensor) -> None:
        """Count a product, as the map of a run does."""
        was_counting, self._counting = self._counting, True
        super().count_product(vector)
        self._counting = was_counting

    def __setattr__(self, name: str, value: Any) -> None:
        if name in COUNTERS and not self._counting:
            super().__setattr__("meddled", True)
        super().__setattr__(name, value)

    def require_as_computed(self, passes: int, setting: str) -> None:
        """Raise ContractViolation unless the counters equal the passes really made."""
        require(not self.meddled, f"{setting}: the method writes the counters of the map")
        counted = (self.evaluations, self.vjps)
        real = (self.computed, passes - self.computed)
        reason = f"{setting}: (evaluations, vjps): {counted} reported, {real} computed"
        require(counted == real, reason)
