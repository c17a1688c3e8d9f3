from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.solvers.anderson import AndersonMixing
from methods.solvers.broyden import BroydenInverse
from methods.solvers.convergence import Status
from methods.solvers.iterate import NAMES, Solution, Solver
from methods.solvers.proposal import relative_residuals
from tests.support.linear_maps import SIZE, Map, linear_maps

EVERY_SOLVER = pytest.mark.parametrize("name", NAMES)
PATIENT = 5000  # evaluations


def errors(solution: Solution, expected: Tensor) -> Tensor:
    return (solution.value - expected).flatten(1).norm(dim=1) / expected.flatten(1).norm(dim=1)


class Recorder:
    """Passes evaluations on, and keeps z, f(z) and the residual of each."""

    def __init__(self, function: Map) -> None:
        self.function = function
        self.values: list[Tensor] = []
        self.residuals: list[tuple[float, ...]] = []

    def __call__(self, z: Tensor) -> Tensor:
        value = self.function(z)
        self.values.append(value.clone())
        self.residuals.append(relative_residuals(z, value))
        return value


@EVERY_SOLVER
@pytest.mark.parametrize("radius", [0.1, 0.7, 0.97])
def test_linear_contraction(name: str, radius: float) -> None:
    function, expected = linear_maps(radius, 0.5, radius)
    solution = Solver(name, 1e-10, PATIENT).solve(function, torch.zeros_like(expected))
    assert solution.converged_fraction == 1
    assert max(solution.residuals) <= 1e-10
    assert errors(solution, expected).max() < 1e-10 * 20 / (1 - radius)


def test_anderson_needs_far_fewer_evaluations_than_picard() -> None:
    function, expected = linear_maps(0.97)
    start = torch.zeros_like(expected)
    counts = {
        name: Solver(name, 1e-8, PATIENT).solve(function, start).evaluations for name in NAMES
    }
    assert counts["anderson"] * 5 < counts["fixed_point"]


def test_anderson_with_full_memory_solves_a_linear_problem_in_its_dimension() -> None:
    function, expected = linear_maps(0.9)
    solution = Solver("anderson", 1e-6, SIZE + 3, memory=SIZE + 1).solve(
        function, torch.zeros_like(expected)
    )
    assert solution.converged_fraction == 1


@EVERY_SOLVER
def test_evaluations_are_those_of_the_function_and_within_the_limit(name: str) -> None:
    function, expected = linear_maps(0.9)
    for limit in (1, 2, 7):
        recorder = Recorder(function)
        solution = Solver(name, 1e-12, limit).solve(recorder, torch.zeros_like(expected))
        assert solution.evaluations == len(recorder.values) == limit
        assert solution.converged_fraction == 0


@EVERY_SOLVER
def test_stops_at_the_first_evaluation_where_every_sample_has_converged(name: str) -> None:
    function, expected = linear_maps(0.2, 0.9, 0.6)
    recorder = Recorder(function)
    solution = Solver(name, 1e-5, PATIENT).solve(recorder, torch.zeros_like(expected))
    converged_before = all(min(r[i] for r in recorder.residuals[:-1]) <= 1e-5 for i in range(3))
    assert not converged_before
    assert max(solution.residuals) <= 1e-5


@EVERY_SOLVER
def test_each_sample_keeps_its_best_iterate(name: str) -> None:
    """Turning by a growing angle: the residual goes up and down, differently for each sample."""

    def function(z: Tensor) -> Tensor:
        calls.append(1)
        factor = 1 + 0.5 * torch.cos(torch.tensor([1.0, 2.0, 2.9]).double() * len(calls))
        return z * factor.view(-1, 1, 1, 1) + 0.01

    calls: list[int] = []
    recorder = Recorder(function)
    start = torch.ones(3, 1, 2, 2, dtype=torch.float64)
    solution = Solver(name, 1e-12, 9).solve(recorder, start)
    for sample in range(3):
        history = [residuals[sample] for residuals in recorder.residuals]
        best = min(range(9), key=history.__getitem__)
        assert best != 8  # else the last one would do
        assert solution.residuals[sample] == pytest.approx(history[best], rel=1e-12)
        assert torch.equal(solution.value[sample], recorder.values[best][sample])


def test_residual_by_hand() -> None:
    z, value = torch.tensor([[3.0, 0.0], [0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert relative_residuals(z, value) == (pytest.approx(0.8), 0.0)


def test_converged_fraction_counts_samples() -> None:
    solution = Solution(torch.zeros(4, 1), (1e-3, 1e-5, math.inf, 1e-4), 1, tolerance=1e-4)
    assert solution.converged_fraction == 0.5


@EVERY_SOLVER
def test_fraction_of_a_batch_that_converges_in_part(name: str) -> None:
    function, expected = linear_maps(0.001, 0.97)
    solution = Solver(name, 1e-6, 4).solve(function, torch.zeros_like(expected))
    assert solution.converged_fraction == 0.5
    assert errors(solution, expected)[0] < 1e-5


@EVERY_SOLVER
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("first_bad", [1, 2, 4])
def test_a_value_that_is_not_finite_is_never_returned(
    name: str, bad: float, first_bad: int
) -> None:
    inner, expected = linear_maps(0.9, 0.9)

    def function(z: Tensor) -> Tensor:
        calls.append(1)
        value = inner(z)
        if len(calls) >= first_bad:
            value[0, 0, 1, 1] = bad
        return value

    calls: list[int] = []
    start = torch.zeros_like(expected)
    solution = Solver(name, 1e-6, 300).solve(function, start)
    assert solution.value.isfinite().all()
    assert solution.statuses == (Status.DIVERGED, Status.CONVERGED)  # the other sample goes on
    assert solution.converged_fraction == 0.5
    if first_bad == 1:
        assert torch.equal(solution.value[0], start[0])
        assert solution.residuals[0] == math.inf
    else:
        assert all(map(math.isfinite, solution.residuals))


@EVERY_SOLVER
def test_nothing_is_gained_by_going_on_when_all_have_diverged(name: str) -> None:
    calls: list[int] = []

    def function(z: Tensor) -> Tensor:
        calls.append(1)
        return z * math.nan

    Solver(name, 1e-6, 50).solve(function, torch.ones(2, 1, 2, 2))
    assert len(calls) == 1


@EVERY_SOLVER
def test_rounding_error_is_called_stagnation(name: str) -> None:
    function, expected = linear_maps(0.8, dtype=torch.float32)
    solution = Solver(name, 1e-12, PATIENT).solve(function, torch.zeros_like(expected))
    assert solution.statuses in ((Status.STAGNATED,), (Status.CONVERGED,))  # an exact zero, or not
    assert solution.residuals[0] < 1e-5
    assert solution.evaluations < 300


@EVERY_SOLVER
def test_limit_is_not_called_stagnation(name: str) -> None:
    function, expected = linear_maps(0.97)
    solution = Solver(name, 1e-12, 5).solve(function, torch.zeros_like(expected))
    assert solution.statuses == (Status.ITERATION_LIMIT,)


def test_broyden_beats_picard_and_its_estimate_inverts() -> None:
    function, expected = linear_maps(0.97)
    start = torch.zeros_like(expected)
    inverse = BroydenInverse(start)
    found = Solver("broyden", 1e-12, PATIENT).solve(function, start, propose=inverse)
    picard = Solver("fixed_point", 1e-12, PATIENT).solve(function, start)
    assert found.evaluations * 5 < picard.evaluations
    vector = torch.randn(1, SIZE, generator=torch.Generator().manual_seed(1)).double()
    other = torch.randn(1, SIZE, generator=torch.Generator().manual_seed(2)).double()
    left, right = inverse.apply(vector) @ other.T, vector @ inverse.apply_transposed(other).T
    assert torch.allclose(left, right)  # the transpose is one


@EVERY_SOLVER
def test_growth_beyond_all_numbers_is_reported(name: str) -> None:
    start = torch.full((1, 1, 2, 2), 1.5)
    solution = Solver(name, 1e-4, 200).solve(lambda z: z.abs() ** 3 + 1, start)
    assert solution.value.isfinite().all()
    assert solution.converged_fraction == 0


def test_picard_on_an_expansion_is_not_converged() -> None:
    function, expected = linear_maps(1.3)
    solution = Solver("fixed_point", 1e-4, 50).solve(function, torch.zeros_like(expected))
    assert solution.converged_fraction == 0
    assert min(solution.residuals) > 1e-4


@EVERY_SOLVER
def test_a_map_without_a_fixed_point_is_not_converged(name: str) -> None:
    start = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    solution = Solver(name, 1e-4, 30).solve(lambda z: torch.where(z < 1.5, 2 + 0 * z, 1), start)
    assert solution.converged_fraction == 0
    assert solution.residuals[0] >= 0.25


@EVERY_SOLVER
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("exponent", [-40, -20, 20])
def test_scale_of_the_problem_does_not_matter(name: str, exponent: int, dtype: torch.dtype) -> None:
    """By a power of two, so that every rounding is the same."""
    scale = 2.0**exponent
    function, expected = linear_maps(0.9, 0.6, dtype=dtype)
    solver, start = Solver(name, 1e-4, PATIENT), torch.ones_like(expected)
    plain = solver.solve(function, start)
    scaled = solver.solve(lambda z: scale * function(z / scale), scale * start)
    assert scaled.evaluations == plain.evaluations
    assert scaled.residuals == plain.residuals
    assert torch.equal(scaled.value, scale * plain.value)


@EVERY_SOLVER
def test_zero_fixed_point_found_at_once_from_zero(name: str) -> None:
    solution = Solver(name, 1e-8, 20).solve(lambda z: 0.5 * z, torch.zeros(2, 1, 2, 2))
    assert solution.residuals == (0.0, 0.0)
    assert solution.evaluations == 1
    assert not solution.value.any()


@EVERY_SOLVER
def test_zero_fixed_point_is_approached_without_nan(name: str) -> None:
    """The relative residual is a constant there, so it is not called converged."""
    solution = Solver(name, 1e-8, 40).solve(lambda z: 0.5 * z, torch.ones(2, 1, 2, 2))
    assert solution.value.isfinite().all()
    assert solution.value.abs().max() <= 0.5


@EVERY_SOLVER
def test_constant_map_is_solved_in_two_evaluations(name: str) -> None:
    target = torch.rand(2, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    solution = Solver(name, 1e-8, 20).solve(lambda z: target, torch.zeros_like(target))
    assert solution.evaluations == 2
    assert torch.equal(solution.value, target)


@EVERY_SOLVER
def test_samples_do_not_influence_each_other(name: str) -> None:
    together, expected = linear_maps(0.3, 0.9, 0.97)
    start = torch.zeros_like(expected)
    whole = Solver(name, 1e-30, 12).solve(together, start)

    def alone(z: Tensor) -> Tensor:
        padded = torch.zeros_like(expected)
        padded[1:2] = z
        return together(padded)[1:2]

    single = Solver(name, 1e-30, 12).solve(alone, start[1:2])
    assert torch.allclose(whole.value[1:2], single.value, rtol=1e-9)


@EVERY_SOLVER
def test_sample_that_has_converged_stays_while_another_works(name: str) -> None:
    """Its residuals are all zero, which makes Anderson's system singular."""
    function, expected = linear_maps(0.0, 0.97)
    start = torch.zeros_like(expected)
    solution = Solver(name, 1e-9, PATIENT).solve(function, start)
    assert solution.converged_fraction == 1
    assert errors(solution, expected).max() < 1e-6


@EVERY_SOLVER
def test_sample_that_starts_at_its_fixed_point_stays_there(name: str) -> None:
    """All its residuals are zero: Anderson's Gram matrix has no scale to be divided by."""
    function, expected = linear_maps(0.0, 0.97)
    start = torch.zeros_like(expected)
    start[0] = function(start)[0]  # M = 0, so exactly
    recorder = Recorder(function)
    solution = Solver(name, 1e-9, PATIENT).solve(recorder, start)
    assert all(value.isfinite().all() for value in recorder.values)
    assert solution.converged_fraction == 1
    assert torch.equal(solution.value[0], start[0])


@EVERY_SOLVER
def test_solution_has_no_graph(name: str) -> None:
    function, expected = linear_maps(0.5)
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    start = torch.zeros_like(expected).requires_grad_()
    solution = Solver(name, 1e-8, 100).solve(lambda z: weight * function(z), start)
    assert solution.converged_fraction == 1
    assert not solution.value.requires_grad


def test_unknown_solver_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown solver 'newton'.*anderson, broyden"):
        Solver("newton").solve(lambda z: z, torch.zeros(1, 1, 2, 2))


def test_sample_that_has_diverged_is_evaluated_where_it_was() -> None:
    """Its iterates would be NaN, which a map may refuse."""
    inner, expected = linear_maps(0.9, 0.9)

    def function(z: Tensor) -> Tensor:
        assert z.isfinite().all()
        value = inner(z)
        calls.append(1)
        if len(calls) == 3:
            value[0] = math.nan
        return value

    for name in NAMES:
        calls: list[int] = []
        solution = Solver(name, 1e-6, 300).solve(function, torch.zeros_like(expected))
        assert solution.statuses == (Status.DIVERGED, Status.CONVERGED)


@EVERY_SOLVER
def test_map_may_return_views_and_its_own_argument(name: str) -> None:
    """Neither the iterates nor the values of a sample that has ended are overwritten."""
    inner, expected = linear_maps(0.0, 0.9)

    def function(z: Tensor) -> Tensor:
        value = inner(z.contiguous()).mT.contiguous().mT  # not contiguous
        return z if torch.equal(value, z) else value

    solution = Solver(name, 1e-9, PATIENT).solve(function, torch.zeros_like(expected))
    assert solution.converged_fraction == 1
    assert errors(solution, expected).max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_residuals_of_anderson_are_the_norms_of_the_steps(dtype: torch.dtype) -> None:
    """They come from the Gram matrix of the history, the slots of which are used again."""
    function, expected = linear_maps(0.97, 0.5, dtype=dtype)
    recorder = Recorder(function)
    limit = 20
    mixing = AndersonMixing(expected, memory=3)
    z = torch.ones_like(expected)
    for _ in range(limit):
        value = recorder(z)
        measured = mixing.measure(z, value, relative=True)
        assert measured == pytest.approx(recorder.residuals[-1], rel=1e-5)
        absolute = (value - z).flatten(1).norm(dim=1).tolist()
        again = AndersonMixing(expected, memory=1).measure(z, value, relative=False)
        assert again == pytest.approx(absolute, rel=1e-5)
        z = mixing.next([True, True])
