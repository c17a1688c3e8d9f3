"""What happens to one sample of a batch does not depend on the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.contracts.cases import layer_case
from bench.contracts.differentiation import differentiate
from bench.plugins import load_builtins
from methods.ift import SOLVERS, ImplicitFunctionTheorem
from methods.shine import SharedInverse
from methods.solvers import broyden
from methods.solvers.broyden import BroydenInverse
from methods.solvers.iterate import Solver
from methods.solvers.samples import BestSoFar, binary_scale

load_builtins()
RADII = (0.3, 0.97)  # the first sample ends early
SIZE = 8


def maps() -> tuple[Callable[[Tensor, Tensor], Tensor], Tensor]:
    """f(z)ᵢ = Mᵢ zᵢ + bᵢ of the samples `which`, Mᵢ of spectral radius RADII[i]."""
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(2, SIZE, SIZE, generator=generator, dtype=torch.float64)
    basis = torch.eye(SIZE, dtype=torch.float64) + 0.3 * torch.linalg.qr(basis).Q
    eigenvalues = torch.tensor(RADII, dtype=torch.float64).view(2, 1, 1) * torch.linspace(
        -0.6, 1, SIZE, dtype=torch.float64
    )
    matrices = (basis * eigenvalues) @ torch.linalg.inv(basis)
    offsets = torch.randn(2, SIZE, 1, generator=generator, dtype=torch.float64)

    def function(z: Tensor, which: Tensor) -> Tensor:
        return (matrices[which] @ z.unsqueeze(2) + offsets[which]).squeeze(2)

    return function, torch.zeros(2, SIZE, dtype=torch.float64)


@pytest.mark.parametrize("updates", [60, 4])
def test_estimate_of_a_sample_that_has_ended_stays(
    updates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broyden, "MAX_UPDATES", updates)
    function, start = maps()
    vector = torch.ones_like(start)

    def solved(which: Tensor) -> tuple[Tensor, int]:
        inverse = BroydenInverse(start[which])
        solver = Solver("broyden", 1e-3, 200)
        found = solver.solve(lambda z: function(z, which), start[which], propose=inverse)
        return inverse.apply_transposed(vector[which]), found.evaluations

    together, _ = solved(torch.tensor([0, 1]))
    alone = [solved(torch.tensor([index])) for index in range(2)]
    assert alone[0][1] < alone[1][1] - 1
    expected = torch.cat([w for w, _ in alone])
    assert torch.allclose(together, expected, rtol=1e-12, atol=1e-12)


def test_shine_does_not_depend_on_batch_mates_at_a_loose_tolerance() -> None:
    case = layer_case("degrad")
    method, loose = SharedInverse(fallback=1e9), Solver("broyden", 1e-3, 60)
    together = differentiate(method, case, loose)
    alone = [differentiate(method, case.sample(i), loose) for i in range(len(case.clean))]
    assert len({each.layer.evaluations for each in alone}) > 1
    for index, gradient in enumerate(together.gradients):
        expected = torch.stack([each.gradients[index] for each in alone]).sum(0)
        assert torch.allclose(gradient, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", [1e-24, 1e19])
def test_the_adjoint_system_is_solved_at_any_scale_of_the_loss(solver: str, scale: float) -> None:
    case = layer_case("degrad", torch.float32)
    method = ImplicitFunctionTheorem(solver)
    found = differentiate(method, case, scale=scale)
    expected = differentiate(method, case)
    assert found.trace.adjoint.converged_fraction == 1
    for gradient, usual in zip(found.gradients, expected.gradients, strict=True):
        assert torch.allclose(gradient / scale, usual, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scale_is_a_power_of_two_that_makes_the_largest_entry_about_one(
    dtype: torch.dtype,
) -> None:
    limits = torch.finfo(dtype)
    entries = torch.tensor([1.0, 3.0, limits.max, limits.tiny, 0.0, torch.inf, torch.nan])
    batch = torch.stack([entries.to(dtype), -entries.to(dtype) / 2], 1)
    batch[2] = torch.tensor([limits.max, -1], dtype=dtype)
    batch[3] = torch.tensor([limits.tiny, 0], dtype=dtype)
    scale = binary_scale(batch)
    assert scale.shape == (len(entries), 1)
    largest = (batch / scale).abs().amax(1)
    assert ((largest[:4] >= 1) & (largest[:4] < 2)).all()
    assert torch.equal(scale[4:], torch.ones_like(scale[4:]))
    assert (torch.frexp(scale).mantissa == 0.5).all()


def test_best_so_far_is_that_of_each_sample() -> None:
    start = torch.tensor([[0.0], [0.0], [0.0]])
    best = BestSoFar(start)
    assert torch.equal(best.result(), start)
    batches = [start + 1, start + 2, start + 3]
    taken = ([True, True, False], [False, True, False], [True, False, False])
    for improved, batch in zip(taken, batches, strict=True):
        best.update(improved, batch)
    assert best.result().flatten().tolist() == [3, 2, 0]
    assert not start.any()  # copied before it was written to
    assert [batch[0].item() for batch in batches] == [1, 2, 3]


def test_best_so_far_copies_nothing_while_all_improve() -> None:
    best, batch = BestSoFar(torch.zeros(2, 3)), torch.ones(2, 3)
    best.update([True, True], torch.zeros(2, 3))
    best.update([True, True], batch)
    assert best.result() is batch
