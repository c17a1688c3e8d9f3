"""The reversible iteration against the two coupled updates, differentiated by plain autograd."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from bench.contracts.cases import DTYPES, LayerCase, layer_case
from bench.contracts.differentiation import differentiate, relative_error
from bench.contracts.memory import application_bytes, step_bytes
from bench.plugins import load_builtins
from bench.registry import LAYERS
from methods.base import GradientMethod
from methods.metrics import collected_metrics
from methods.networks.implicit_layer import FixedPointMap
from methods.reversible import ReversibleIteration
from methods.solvers.forward import ForwardSolver
from tests.support.parameters import validate
from tests.support.second_derivatives import differentiated_twice

load_builtins()
EVERY_LAYER = pytest.mark.parametrize("layer", LAYERS.names())
SAME = {torch.float64: 1e-11, torch.float32: 1e-6}


@dataclass(frozen=True)
class Coupled(GradientMethod):
    """The updates as the paper writes them, every iterate stored."""

    pairs: int
    beta: float

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        y = z = z0.double()
        for _ in range(self.pairs):
            y = (1 - self.beta) * y + self.beta * layer(z.to(z0.dtype))
            z = (1 - self.beta) * z + self.beta * layer(y.to(z0.dtype))
        return z.to(z0.dtype)


@EVERY_LAYER
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize(
    ("pairs", "beta", "checkpoint"),
    [(1, 0.5, 0), (4, 0.9, 0), (10, 0.5, 0), (10, 0.6, 0), (10, 0.8, 3), (10, 0.7, 1), (3, 0.1, 2)],
)
def test_gradient_is_that_of_the_coupled_updates(
    pairs: int, beta: float, checkpoint: int, dtype: torch.dtype, layer: str
) -> None:
    case = layer_case(layer, dtype).with_differentiable_observation()
    method = ReversibleIteration(2 * pairs, beta, checkpoint)
    validate(method)
    expected, found = (differentiate(each, case) for each in (Coupled(pairs, beta), method))
    assert torch.allclose(found.image, expected.image, rtol=0, atol=SAME[dtype])
    assert relative_error(found.gradients, expected.gradients) < SAME[dtype]
    assert (found.layer.evaluations, found.layer.vjps) == (4 * pairs - 1, 2 * pairs)


@EVERY_LAYER
def test_second_derivative_and_that_by_the_starting_point(layer: str) -> None:
    case = layer_case(layer).with_differentiable_observation()
    expected, found = (
        differentiated_twice(each, case) for each in (Coupled(3, 0.5), ReversibleIteration(6))
    )
    assert relative_error(found, expected) < 1e-11


def inversion_error(method: ReversibleIteration, case: LayerCase) -> float:
    with collected_metrics() as metrics:
        differentiate(method, case)
    return float(metrics["inversion_error"])


@EVERY_LAYER
def test_inversion_error_of_the_defaults_is_far_below_single_precision(layer: str) -> None:
    """Sums in single precision would make it about 5e-3: 1 - β divides their rounding errors."""
    for dtype in DTYPES.values():
        assert inversion_error(ReversibleIteration(), layer_case(layer, dtype)) < 1e-10


def test_inversion_error_grows_as_stated_and_not_beyond_a_stored_pair() -> None:
    case = layer_case("deprox")
    errors = [inversion_error(ReversibleIteration(steps, 0.8), case) for steps in (5, 10, 20)]
    for steps, error in zip((5, 10, 20), errors, strict=True):
        assert 0 < error < 1e-15 * 5.0**steps
    assert errors[2] > 1e4 * errors[1]
    assert inversion_error(ReversibleIteration(20, 0.8, checkpoint=5), case) < 10 * errors[0]


@pytest.mark.parametrize(("steps", "beta"), [(2, 0.5), (3, 0.5), (3, 0.2)])
def test_inversion_error_measures_what_was_reconstructed(steps: int, beta: float) -> None:
    """A map that is another one in the backward pass does not lead back to z₀."""
    case, offset = layer_case("degrad"), [0.0]
    layer, start = case.condition()
    shifted = FixedPointMap(lambda z: layer(z) + offset[0], layer.contraction_bound)
    image = ReversibleIteration(steps, beta).fixed_point(shifted, start, ForwardSolver(case.tight))
    offset[0] = 1e-3
    with collected_metrics() as metrics:
        torch.autograd.grad(image.sum(), case.inputs)
    size = float(start.numel() ** 0.5 / start.norm())
    expected = 0 if steps == 2 else beta / (1 - beta) * 1e-3 * size  # of two steps, u₀ is stored
    assert float(metrics["inversion_error"]) == pytest.approx(expected, rel=1e-6)


@EVERY_LAYER
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_memory_is_the_same_for_any_number_of_steps(dtype: torch.dtype, layer: str) -> None:
    case = layer_case(layer, dtype)
    kept, peaks = zip(
        *(step_bytes(ReversibleIteration(n, 0.1), case) for n in (5, 20, 80)), strict=True
    )
    assert len(set(kept)) == 1
    assert peaks[1] == peaks[2]
    assert kept[0] < 1.25 * application_bytes(case)


@pytest.mark.parametrize("steps", [1, 2, 3, 20])
def test_reported_residual_is_at_least_the_real_one(steps: int) -> None:
    """On T(z) = M z with eigenvalues from -0.95 to 0.95, where updates alternate or creep."""
    factors = torch.linspace(-0.95, 0.95, 7, dtype=torch.float64).view(7, 1, 1, 1)
    layer = FixedPointMap(lambda z: factors * z + 1, torch.tensor(1.0))
    solver = ForwardSolver(layer_case("degrad").tight)
    start = torch.zeros(7, 1, 1, 2, dtype=torch.float64)
    for beta in (0.1, 0.5, 0.9):
        image = ReversibleIteration(steps, beta).reconstruct(layer, start, solver)
        real = (layer(image) - image).flatten(1).norm(dim=1) / image.flatten(1).norm(dim=1)
        reported = solver.trace.forward.last_residual
        assert float(real.mean()) <= reported * (1 + 1e-12)
        assert reported <= 2 * float(real.mean()) or steps < 4 or beta > 0.5
