from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.contracts.cases import TIGHT, layer_case, linearised
from bench.contracts.differentiation import differentiate, require_close
from bench.contracts.linear import linear_case
from bench.errors import UserError
from bench.plugins import load_builtins
from bench.registry import LAYERS, METHODS
from methods.base import GradientMethod
from methods.deepinv_ift import DeepinvImplicit
from methods.deepinv_jfb import DeepinvJacobianFree
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.torchdeq_ift import TorchdeqImplicit
from methods.torchdeq_jfb import TorchdeqJacobianFree
from methods.torchdeq_phantom import TorchdeqPhantom
from tests.support.parameters import validate

load_builtins()

EXACT = 1e-8
ENTRIES = [name for name, cls in METHODS.items() if getattr(cls, "library", "")]
IMPLICIT = (TorchdeqImplicit(), DeepinvImplicit())
EVERY_LAYER = pytest.mark.parametrize("layer", LAYERS.names())
EVERY_ENTRY = pytest.mark.parametrize("name", ENTRIES)
EVERY_IMPLICIT = pytest.mark.parametrize("method", IMPLICIT, ids=["torchdeq", "deepinv"])
FIVE_STEPS = Solver("fixed_point", tolerance=1e-30, max_iterations=5)


def test_the_entries_are_those_promised() -> None:
    assert sorted(ENTRIES) == [
        "deepinv_ift",
        "deepinv_jfb",
        "torchdeq_ift",
        "torchdeq_jfb",
        "torchdeq_phantom",
    ]
    assert all(name.startswith(METHODS.get(name).library) for name in ENTRIES)


@EVERY_LAYER
@pytest.mark.parametrize(
    "method",
    [
        TorchdeqJacobianFree(),
        TorchdeqPhantom(steps=4, damping=0.7),
        *(TorchdeqImplicit(solver) for solver in ("broyden", "anderson", "fixed_point")),
        DeepinvJacobianFree(),
        # Exact too: its threshold may be set as low as the precision of the numbers goes.
        *(DeepinvImplicit(solver) for solver in ("anderson", "fixed_point")),
    ],
    ids=repr,
)
def test_gradient_is_the_stated_one(method: GradientMethod, layer: str) -> None:
    case = layer_case(layer)
    z_star, derivatives = linearised(layer)
    w = method.stated_adjoint(derivatives.jacobian, case.cotangent(z_star).flatten())
    assert w is not None
    case = case.with_differentiable_observation()
    found = differentiate(method.at_limit(), case).gradients
    require_close(found, derivatives.pulled_back(w), EXACT, "wᵀ ∂T/∂θ from the dense J")


@EVERY_IMPLICIT
def test_closed_form_of_a_slow_contraction(method: GradientMethod) -> None:
    case = linear_case("slow_linear")
    found = differentiate(method.at_limit(), case).gradients
    require_close(found, case.gradients(case.adjoint()), EXACT, "the closed form")


@pytest.mark.parametrize(
    ("method", "evaluations", "vjps"),
    [
        (TorchdeqJacobianFree(), 5 + 1, 1),
        (TorchdeqPhantom(steps=3), 5 + 3, 3),
        (TorchdeqImplicit("fixed_point", 1e-30, 9), 5 + 1 + 1, 9 + 1),
        (TorchdeqImplicit("broyden", 1e-30, 9), 5 + 1 + 1, 1 + 9 + 1),
        (DeepinvJacobianFree(), 5 + 1, 1),
        (DeepinvImplicit("fixed_point", 1e-30, 9), 5 + 2, 9 + 1),
    ],
    ids=repr,
)
def test_cost(method: GradientMethod, evaluations: int, vjps: int) -> None:
    map_ = differentiate(method, layer_case("degrad"), FIVE_STEPS).layer
    assert (map_.evaluations, map_.vjps) == (evaluations, vjps)


@EVERY_ENTRY
def test_forward_solve_goes_to_the_shared_tolerance_and_no_further(name: str) -> None:
    def outcome(tolerance: float) -> tuple[float, int]:
        solver = Solver("fixed_point", tolerance, max_iterations=500)
        # deepinv ends a batch at its mean residual.
        found = differentiate(METHODS.get(name)(), layer_case("degrad").sample(0), solver)
        assert found.trace.forward.converged_fraction == 1
        return found.trace.forward.last_residual, found.layer.evaluations

    costs = []
    for tolerance in (1e-2, 1e-4, 1e-8):
        residual, evaluations = outcome(tolerance)
        assert 0.05 * tolerance < residual <= tolerance
        costs.append(evaluations)
    assert costs == sorted(set(costs))


@EVERY_ENTRY
@pytest.mark.parametrize("memory", [1, 2])
def test_forward_solve_has_the_shared_memory(name: str, memory: int) -> None:
    def evaluations(solver: Solver) -> int:
        return differentiate(METHODS.get(name)(), layer_case("degrad"), solver).layer.evaluations

    solver = Solver("anderson", tolerance=1e-9, max_iterations=500, memory=8)
    assert evaluations(solver) < evaluations(replace(solver, memory=memory))


def test_forward_residual_is_that_of_what_the_gradient_is_taken_at() -> None:
    case = layer_case("degrad")
    layer, start = case.condition()
    seen: list[tuple[Tensor, Tensor]] = []

    def spied(z: Tensor) -> Tensor:
        value = layer(z)
        if torch.is_grad_enabled():
            seen.append((z.detach(), value.detach()))
        return value

    for method in (TorchdeqPhantom(), DeepinvImplicit()):
        seen.clear()
        forward = ForwardSolver(Solver("anderson", 1e-3, 60, 5))
        method.fixed_point(FixedPointMap(spied, layer.contraction_bound), start, forward)
        z, value = seen[0]
        sizes = (value - z).flatten(1).norm(dim=1) / value.flatten(1).norm(dim=1)
        assert forward.trace.forward.last_residual == pytest.approx(float(sizes.mean()))
        assert forward.trace.forward.samples == len(z)


@EVERY_IMPLICIT
@pytest.mark.parametrize("solver", ["anderson", "fixed_point"])
def test_adjoint_solve_that_is_cut_short_says_so(
    method: TorchdeqImplicit | DeepinvImplicit, solver: str
) -> None:
    case = layer_case("degrad")
    cut = replace(method, solver=solver, tolerance=1e-10, max_iterations=4)
    adjoint = differentiate(cut, case).trace.adjoint
    assert adjoint.converged_fraction == 0
    assert dict(adjoint.statuses) == {"iteration_limit": len(case.observed)}
    assert 1e-10 < adjoint.last_residual < 1


@EVERY_IMPLICIT
def test_adjoint_tolerance_is_apart_from_that_of_the_forward_solve(
    method: TorchdeqImplicit | DeepinvImplicit,
) -> None:
    def vjps(tolerance: float, forward: float) -> int:
        entry = replace(method, tolerance=tolerance)
        outcome = differentiate(entry, layer_case("degrad"), replace(TIGHT, tolerance=forward))
        assert outcome.trace.adjoint.converged_fraction == 1
        assert outcome.trace.adjoint.last_residual <= tolerance
        return outcome.layer.vjps

    assert vjps(1e-2, 1e-3) < vjps(1e-6, 1e-3)
    assert vjps(1e-2, 1e-3) == vjps(1e-2, 1e-8)


def test_anderson_of_torchdeq_fails_honestly_on_small_gradients() -> None:
    method = TorchdeqImplicit("anderson", tolerance=1e-8, max_iterations=30)
    case = layer_case("degrad")
    assert differentiate(method, case, scale=1e4).trace.adjoint.converged_fraction == 1
    assert differentiate(method, case, scale=1e-4).trace.adjoint.converged_fraction == 0


@EVERY_ENTRY
def test_divergence_is_reported(name: str) -> None:
    expanding = FixedPointMap(lambda z: 1e3 * z + 1, torch.tensor(1e3))
    forward = ForwardSolver(Solver("fixed_point", max_iterations=200))
    METHODS.get(name)().fixed_point(expanding, torch.ones(2, 1, 4, 4), forward)
    assert dict(forward.trace.forward.statuses) == {"diverged": 2}
    assert forward.trace.forward.converged_fraction == 0


@EVERY_ENTRY
def test_no_graph_is_made_without_gradients(name: str) -> None:
    case = layer_case("degrad")
    forward = ForwardSolver(TIGHT)
    with torch.no_grad():
        image = METHODS.get(name)().fixed_point(*case.condition(), forward)
    assert not image.requires_grad
    assert forward.trace.forward.samples == len(image)


@EVERY_ENTRY
def test_zero_cotangent_gives_a_zero_gradient(name: str) -> None:
    gradients = differentiate(METHODS.get(name)(), layer_case("degrad"), scale=0.0).gradients
    assert not any(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("name", [name for name in ENTRIES if name.startswith("deepinv")])
def test_solver_that_deepinv_lacks_is_refused(name: str) -> None:
    case = layer_case("degrad")
    with pytest.raises(UserError, match="deepinv has no forward solver 'broyden'"):
        differentiate(METHODS.get(name)(), case, Solver("broyden"))


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (TorchdeqPhantom(steps=0), "steps=0"),
        (TorchdeqPhantom(damping=1.5), "damping=1.5"),
        (TorchdeqImplicit("gmres"), "solver=gmres"),
        (TorchdeqImplicit(tolerance=0.0), "tolerance=0"),
        (TorchdeqImplicit("anderson", max_iterations=2), "max_iterations=2: must be at least 3"),
        (DeepinvImplicit("broyden"), "solver=broyden"),
        (DeepinvImplicit(regularisation=-1.0), "regularisation=-1"),
        (DeepinvImplicit(memory=0), "memory=0"),
    ],
    ids=repr,
)
def test_parameter_out_of_range(
    method: TorchdeqPhantom | TorchdeqImplicit | DeepinvImplicit, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        validate(method)
