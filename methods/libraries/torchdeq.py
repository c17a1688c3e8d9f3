"""torchdeq's forward solvers and gradients, on a layer of this suite."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torchdeq import get_deq

from bench.errors import UserError
from methods.libraries.regularisation import anderson_regularisation
from methods.libraries.reporting import ReportingMap, report_adjoint
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver

SOLVER_NAMES = {"anderson": "anderson", "broyden": "broyden", "fixed_point": "fixed_point_iter"}
SMALLEST_MEMORY = 2  # torchdeq's Anderson fills two places before it mixes


def torchdeq_fixed_point(
    layer: FixedPointMap, z0: Tensor, forward: ForwardSolver, **gradient: Any
) -> Tensor:
    """z (N, C, H, W) from `torchdeq.get_deq`, with the graph that torchdeq gives it.

    The forward solver is torchdeq's own, the one that forward.solver names, with the shared
    tolerance (relative), limit and memory; gradient: torchdeq's options of the backward pass.
    Raises UserError for a solver that torchdeq does not have.
    """
    reporting = ReportingMap(layer, forward, once=gradient.get("ift", False))
    # Only Anderson has some; torchdeq ignores those that a solver does not know.
    own_options: dict[str, Any] = {}
    if forward.solver.name == "anderson":
        own_options = {
            "m": max(forward.solver.memory, SMALLEST_MEMORY),
            "lam": anderson_regularisation(z0.dtype),
        }
    deq = get_deq(**_forward_options(forward.solver), **gradient)

    def report(info: dict[str, Tensor]) -> None:
        residuals = tuple(info["rel_lowest"].tolist())
        report_adjoint(forward.trace, residuals, layer.vjps, deq.b_tol)

    images, _ = deq(
        reporting,
        forward.start(z0),
        solver_kwargs=own_options,
        backward_writer=report,
    )
    reporting.report()
    image: Tensor = images[-1]
    return image


def _forward_options(solver: Solver) -> dict[str, Any]:
    if solver.name not in SOLVER_NAMES:
        raise UserError(f"torchdeq has no forward solver {solver.name!r}")
    return {
        "f_solver": SOLVER_NAMES[solver.name],
        "f_tol": solver.tolerance,
        "f_max_iter": solver.max_iterations,
        "f_stop_mode": "rel",
    }
