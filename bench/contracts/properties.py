"""The contract: every property, with the cases and precisions in which it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.contracts import (
    accounting,
    conduct,
    configured,
    gradients,
    memory,
    own_image,
    path,
    repetition,
    stochastic,
    surroundings,
)

BOTH = ("float64", "float32")
DOUBLE = ("float64",)
LAYER, LINEAR, SLOW_LINEAR, ALTERNATING = "layer", "linear", "slow_linear", "alternating"


@dataclass(frozen=True)
class Property:
    """One property: `check(method, case)` raises ContractViolation, or NotStated.

    statement: what holds, in a line; dtypes: the precisions in which it is checked; on: LAYER for
    every layer, or one of the linear fixed points; also: further linear fixed points.
    """

    name: str
    statement: str
    check: Callable[[Any, Any], None]
    dtypes: tuple[str, ...] = DOUBLE
    on: str = LAYER
    also: tuple[str, ...] = ()


def _property(
    check: Callable[[Any, Any], None],
    dtypes: tuple[str, ...] = DOUBLE,
    on: str = LAYER,
    also: tuple[str, ...] = (),
) -> Property:
    statement = (check.__doc__ or "").split("\n\n")[0].strip().removesuffix(".")
    return Property(check.__name__, statement, check, dtypes, on, also)


PROPERTIES = (
    # First, while the method has not been used in this process.
    _property(surroundings.process_unchanged),
    _property(gradients.own_formula, BOTH),
    _property(gradients.closed_form, on=LINEAR),
    _property(gradients.finite_differences),
    _property(gradients.slow_contraction, on=SLOW_LINEAR),
    _property(gradients.descent_direction),
    _property(own_image.derivative_of_image),
    _property(configured.as_configured, also=(LINEAR, SLOW_LINEAR)),
    _property(configured.every_budget, on=LINEAR),
    _property(configured.one_adjoint),
    _property(configured.limit_of_the_same, on=LINEAR),
    _property(path.formula_of_path, also=(SLOW_LINEAR, ALTERNATING)),
    _property(stochastic.draws, on=LINEAR),
    _property(configured.image_accuracy),
    _property(configured.batch_mates),
    _property(configured.loss_extremes, BOTH),
    _property(conduct.reaches_every_weight),
    _property(conduct.computed_weights),
    _property(conduct.loss_scale, BOTH),
    _property(conduct.zero_cotangent, BOTH),
    _property(conduct.samples_apart),
    _property(conduct.finite_when_cut_short, BOTH),
    _property(conduct.shape_and_dtype, BOTH),
    _property(conduct.image_at_test_time, BOTH),
    _property(repetition.deterministic, BOTH),
    _property(repetition.any_number_of_calls, on=LINEAR),
    _property(repetition.draws_declared),
    _property(repetition.two_forwards),
    _property(repetition.second_backward),
    _property(repetition.second_derivative, on=LINEAR),
    _property(repetition.state_stored),
    _property(conduct.only_weights_get_gradients),
    _property(surroundings.inputs_unchanged),
    _property(surroundings.method_unchanged),
    _property(surroundings.nothing_left_behind),
    _property(surroundings.modes_kept),
    _property(accounting.counts),
    _property(accounting.counts_at_limit, on=LINEAR),
    _property(accounting.forward_reported),
    _property(memory.memory_law),
    _property(memory.memory_of_steps, BOTH),
    _property(memory.no_leak),
)
