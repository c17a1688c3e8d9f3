"""AᵀA of every operator against its dense matrix: products, norm, solutions, derivatives."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from deepinv.physics import DecomposablePhysics
from torch import Tensor

from bench.errors import UserError
from problems.inpainting import Inpainting
from problems.operators import normal
from problems.operators.normal import ProductOperator, SpectralOperator, normal_operator
from tests.support.operators import SIZE, SMALL, Plain, dense, images, operator

EVERY = pytest.mark.parametrize("name", SMALL)
WITH_SVD, WITH_FORMULA = {"circular", "inpainting"}, {"bicubic", "bilinear by 4"}
WITHOUT_SVD = [name for name in SMALL if name not in WITH_SVD]
EYE = torch.eye(SIZE**2, dtype=torch.float64)


def gram(physics: Any) -> Tensor:
    matrix = dense(physics)
    return matrix.T @ matrix


@EVERY
def test_adjoint_is_the_transpose(name: str) -> None:
    physics, x = operator(name), images(0)
    measured = physics.A(x)
    u = torch.randn(measured.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    forward, backward = (measured * u).sum(), (x * physics.A_adjoint(u)).sum()
    assert float(forward) == pytest.approx(float(backward), abs=1e-10)


@EVERY
def test_product_is_that_of_the_dense_matrix(name: str) -> None:
    physics, x = operator(name), images(0)
    expected = (x.flatten(1) @ gram(physics)).view_as(x)
    assert torch.allclose(normal_operator(physics, x)(x), expected, atol=1e-12)


@EVERY
def test_square_norm_is_an_upper_bound_at_most_a_hundredth_above(name: str) -> None:
    physics = operator(name)
    exact = float(torch.linalg.eigvalsh(gram(physics))[-1])
    bound = float(normal_operator(physics, images(0)).square_norm)
    assert exact * (1 - 1e-12) <= bound <= exact * 1.0102
    if name in WITH_SVD:
        assert bound == pytest.approx(exact, rel=1e-12)


@EVERY
@pytest.mark.parametrize("strength", [0.003, 1.0, 30.0])
def test_solution_is_that_of_the_dense_equation(name: str, strength: float) -> None:
    physics, r = operator(name), images(2)
    expected = torch.linalg.solve(gram(physics) + strength * EYE, r.flatten(1).T).T
    found = normal_operator(physics, r).solve(r, strength).flatten(1)
    assert float((found - expected).abs().max()) < 1e-8


@EVERY
def test_solution_has_the_derivatives_of_finite_differences(name: str) -> None:
    """In r and in λ, of the first and, through `gradgradcheck`, of the second order."""
    solve = normal_operator(operator(name), images(2)).solve
    r = images(2, count=1).requires_grad_()
    strength = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(solve, (r, strength), atol=1e-6, rtol=1e-5, fast_mode=True)
    assert torch.autograd.gradgradcheck(solve, (r, strength), atol=1e-5, fast_mode=True)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own, once
@pytest.mark.parametrize("name", WITHOUT_SVD)
def test_forward_mode_derivative_is_the_difference_quotient(name: str) -> None:
    solve = normal_operator(operator(name), images(2)).solve
    r, along = images(2), images(3)
    strength, faster = (torch.tensor(value, dtype=torch.float64) for value in (0.1, 0.7))
    _, found = torch.func.jvp(solve, (r, strength), (along, faster))
    h = 1e-5
    ahead, behind = (solve(r + s * h * along, strength + s * h * faster) for s in (1, -1))
    assert torch.allclose(found, (ahead - behind) / (2 * h), atol=1e-6)


def test_routes_are_those_that_the_operators_allow() -> None:
    for name in SMALL:
        found = normal_operator(operator(name), images(0))
        assert isinstance(found, SpectralOperator) == (name in WITH_SVD), name
        if isinstance(found, ProductOperator):
            assert (found._measured is not None) == (name in WITH_FORMULA), name


@pytest.mark.parametrize("name", ["valid", "bicubic"])
def test_samples_of_a_batch_do_not_mix(name: str) -> None:
    solve = normal_operator(operator(name), images(0)).solve
    r = images(2, count=3) * torch.tensor([1.0, 1e-6, 0.0]).view(-1, 1, 1, 1)
    together = solve(r, 0.01)
    for index in range(3):
        alone = solve(r[index : index + 1], 0.01)
        assert torch.allclose(together[index : index + 1], alone, rtol=1e-9, atol=1e-18)
    assert not together[2].any()


@pytest.mark.parametrize("name", ["reflect", "bicubic"])
def test_single_precision_agrees_with_double(name: str) -> None:
    r = images(2)
    double = normal_operator(operator(name), r).solve(r, 0.1)
    single = normal_operator(SMALL[name].physics(), r.float()).solve(r.float(), 0.1)
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), double, atol=1e-4)


def test_numbers_that_are_not_finite_do_not_hang() -> None:
    r = images(2)
    r[0, 0, 0, 0] = torch.nan
    found = normal_operator(operator("valid"), images(0)).solve(r, 0.1)
    assert found[0].isnan().any()
    assert found[1].isfinite().all()


def test_an_equation_that_is_too_ill_conditioned_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("problems.operators.conjugate_gradients.MOST_STEPS", 3)
    with pytest.raises(RuntimeError, match=r"relative residual .* after 3 steps"):
        normal_operator(operator("valid"), images(0)).solve(images(2), 1e-6)


def test_an_operator_is_examined_once_for_each_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    bound = normal.square_norm_bound
    monkeypatch.setattr(normal, "square_norm_bound", lambda *a: (calls.append(a), bound(*a))[1])
    physics, x = operator("valid"), images(0)
    for _ in range(3):
        normal_operator(physics, x)
    assert len(calls) == 1
    normal_operator(physics.float(), x.float())
    assert len(calls) == 2


def test_what_is_known_of_an_operator_does_not_keep_it() -> None:
    physics = operator("valid")
    normal_operator(physics, images(0))
    alive = weakref.ref(physics)
    del physics
    gc.collect()
    assert alive() is None


def test_examining_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    normal_operator(operator("valid"), images(0))
    assert torch.equal(before, torch.get_rng_state())


def test_an_operator_of_two_functions_is_enough() -> None:
    matrix = images(5, count=3).flatten(1)  # of three rows
    found, r = normal_operator(Plain(matrix), images(0)), images(2)
    expected = torch.linalg.solve(matrix.T @ matrix + 0.5 * EYE, r.flatten(1).T).T
    assert torch.allclose(found.solve(r, 0.5).flatten(1), expected, atol=1e-8)
    exact = float(torch.linalg.matrix_norm(matrix, 2)) ** 2
    assert exact <= float(found.square_norm) < 1.0102 * exact


@pytest.mark.parametrize("scale", [1.001, -1.0, float("nan")])
def test_a_wrong_adjoint_is_refused(scale: float) -> None:
    physics = Plain(images(5, count=3).flatten(1), adjoint_scale=scale)
    with pytest.raises(UserError, match="Plain: A_adjoint is not the transpose of A"):
        normal_operator(physics, images(0))


def test_a_decomposition_that_discards_a_part_of_the_image_is_not_trusted() -> None:
    """V Vᵀ is no identity: (s² + λ) in the spectrum would lose the discarded part of x."""
    kept = Inpainting(size=SIZE).mask().double()

    def half(x: Tensor) -> Tensor:
        return kept * x

    lossy = DecomposablePhysics(U=half, U_adjoint=half, V_adjoint=half, V=half, mask=1.0)
    lossy.mask = lossy.mask.double()
    found, r = normal_operator(lossy, images(0)), images(2)
    assert isinstance(found, ProductOperator)
    assert torch.allclose(found.solve(r, 0.5), r / (kept + 0.5), atol=1e-8)
