from __future__ import annotations

import pytest
import torch
from torch import Tensor

from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.adjoint import ADJOINT_SOLVERS, AdjointSolver, attach_implicit_gradient
from methods.solvers.convergence import Status
from methods.solvers.products import JacobianProducts
from methods.solvers.trace import Trace

COUNT, SIZE = 3, 10
EVERY_SOLVER = pytest.mark.parametrize("name", ADJOINT_SOLVERS)
PATIENT = 5000


def jacobians(radius: float = 0.9, dtype: torch.dtype = torch.float64) -> Tensor:
    """One matrix for each sample, not symmetric and not normal, of the given spectral radius."""
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(COUNT, SIZE, SIZE, generator=generator, dtype=torch.float64)
    basis = torch.eye(SIZE, dtype=torch.float64) + 0.3 * torch.linalg.qr(basis).Q
    eigenvalues = radius * torch.linspace(-0.6, 1, SIZE, dtype=torch.float64)
    return ((basis * eigenvalues) @ torch.linalg.inv(basis)).to(dtype)


def cotangents(dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(COUNT, 1, 2, SIZE // 2, generator=generator, dtype=torch.float64).to(dtype)


def products_of(matrices: Tensor) -> tuple[JacobianProducts, list[str]]:
    point = torch.zeros(len(matrices), 1, 2, SIZE // 2, dtype=matrices.dtype, requires_grad=True)
    value = (matrices @ point.flatten(1).unsqueeze(2)).view_as(point)
    forward: list[str] = []
    return JacobianProducts(value, point, lambda v: forward.append("J v")), forward


def dense_solution(matrices: Tensor, g: Tensor) -> Tensor:
    system = torch.eye(SIZE, dtype=matrices.dtype) - matrices.transpose(1, 2)
    return torch.linalg.solve(system, g.flatten(1).unsqueeze(2)).view_as(g)


def true_residuals(matrices: Tensor, w: Tensor, g: Tensor) -> list[float]:
    flat, right = w.flatten(1).unsqueeze(2), g.flatten(1).unsqueeze(2)
    residual = right - flat + matrices.transpose(1, 2) @ flat
    relative: list[float] = (residual.flatten(1).norm(dim=1) / g.flatten(1).norm(dim=1)).tolist()
    return relative


@EVERY_SOLVER
@pytest.mark.parametrize("radius", [0.3, 0.9, 0.97])
def test_dense_solution(name: str, radius: float) -> None:
    matrices, g = jacobians(radius), cotangents()
    products, _ = products_of(matrices)
    found = AdjointSolver(name, 1e-11, PATIENT).solve(products, g)
    expected = dense_solution(matrices, g)
    assert (found.value - expected).norm() <= 1e-8 * expected.norm()
    assert found.statuses == (Status.CONVERGED,) * COUNT


@EVERY_SOLVER
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("tolerance", [1e-2, 1e-5, 1e-14])
def test_a_claim_of_convergence_is_true(name: str, dtype: torch.dtype, tolerance: float) -> None:
    matrices, g = jacobians(0.97, dtype), cotangents(dtype)
    products, _ = products_of(matrices)
    found = AdjointSolver(name, tolerance, 400, memory=8).solve(products, g)
    real = true_residuals(matrices.double(), found.value.double(), g.double())
    for status, residual, claimed in zip(found.statuses, real, found.residuals, strict=True):
        rounding = 300 * torch.finfo(dtype).eps
        assert residual <= 1.5 * claimed + rounding
        if status is Status.CONVERGED:
            assert residual <= 1.5 * tolerance + rounding


@EVERY_SOLVER
def test_budget_is_kept_and_its_end_reported(name: str) -> None:
    products, _ = products_of(jacobians(0.97))
    found = AdjointSolver(name, 1e-10, 4).solve(products, cotangents())
    assert products.used <= 4
    assert found.evaluations == products.used
    assert found.statuses == (Status.ITERATION_LIMIT,) * COUNT
    assert found.converged_fraction == 0


@EVERY_SOLVER
@pytest.mark.parametrize("exponent", [-30, 30])
def test_scale_of_the_cotangent_changes_only_the_scale(name: str, exponent: int) -> None:
    matrices, g, scale = jacobians(dtype=torch.float32), cotangents(torch.float32), 2.0**exponent
    solver = AdjointSolver(name, 1e-4, 200)
    plain = solver.solve(products_of(matrices)[0], g)
    scaled = solver.solve(products_of(matrices)[0], scale * g)
    assert torch.equal(scaled.value, scale * plain.value)
    assert scaled.evaluations == plain.evaluations


@EVERY_SOLVER
def test_zero_cotangent_of_one_sample(name: str) -> None:
    matrices, g = jacobians(), cotangents()
    g[1] = 0
    found = AdjointSolver(name, 1e-11, PATIENT).solve(products_of(matrices)[0], g)
    assert not found.value[1].any()
    assert (found.value - dense_solution(matrices, g)).norm() < 1e-8
    assert found.converged_fraction == 1


@EVERY_SOLVER
def test_result_of_a_sample_does_not_depend_on_the_others(name: str) -> None:
    matrices, g = jacobians(), cotangents()
    matrices[0] *= 0.1  # done long before the others
    solver = AdjointSolver(name, 1e-6, 200)
    together = solver.solve(products_of(matrices)[0], g)
    alone = solver.solve(products_of(matrices[:1])[0], g[:1])
    assert torch.allclose(together.value[:1], alone.value, rtol=1e-9)
    assert alone.evaluations < together.evaluations


@EVERY_SOLVER
def test_expansion_never_yields_numbers_that_are_not_finite(name: str) -> None:
    found = AdjointSolver(name, 1e-8, 3000).solve(products_of(jacobians(3.0))[0], cotangents())
    assert found.value.isfinite().all()
    residuals = true_residuals(jacobians(3.0), found.value, cotangents())
    assert found.statuses == tuple(
        Status.CONVERGED if residual < 1e-7 else status
        for residual, status in zip(residuals, found.statuses, strict=True)
    )


def test_picard_on_an_expansion_diverges() -> None:
    found = AdjointSolver("fixed_point", 1e-8, 500).solve(
        products_of(jacobians(3.0))[0], cotangents()
    )
    assert found.statuses == (Status.DIVERGED,) * COUNT


def test_gmres_of_full_memory_ends_in_the_dimension() -> None:
    products, _ = products_of(jacobians(0.97))
    found = AdjointSolver("gmres", 1e-9, PATIENT, memory=SIZE).solve(products, cotangents())
    assert found.converged_fraction == 1
    assert products.used <= SIZE


def test_normal_equations_take_products_with_both() -> None:
    products, forward = products_of(jacobians())
    AdjointSolver("normal_cg", 1e-9, 100).solve(products, cotangents())
    assert 2 * len(forward) + 1 == products.used  # and one to record the transpose


def test_product_with_the_jacobian_itself() -> None:
    matrices, v = jacobians(), cotangents()
    products, _ = products_of(matrices)
    expected = (matrices @ v.flatten(1).unsqueeze(2)).view_as(v)
    assert torch.allclose(products.forward(v), expected)
    transposed = (matrices.transpose(1, 2) @ v.flatten(1).unsqueeze(2)).view_as(v)
    assert torch.allclose(products.transposed(v), transposed)


@pytest.mark.parametrize(("name", "vjps"), [("gmres", 5), ("normal_cg", 4), ("anderson", 5)])
def test_products_are_counted_by_the_map(name: str, vjps: int) -> None:
    """Four products of the solve, or what fits into four, and one with ∂T/∂θ."""
    matrices = jacobians(0.97)
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    layer = FixedPointMap(
        lambda z: weight * (matrices @ z.flatten(1).unsqueeze(2)).view_as(z) + 1, torch.ones(())
    )
    trace = Trace()
    start = torch.zeros(COUNT, 1, 2, SIZE // 2, dtype=torch.float64)
    image = attach_implicit_gradient(layer, start, AdjointSolver(name, 1e-12, 4), trace)
    image.square().sum().backward()
    assert layer.vjps == vjps
    assert trace.adjoint.statuses[Status.ITERATION_LIMIT] == COUNT
