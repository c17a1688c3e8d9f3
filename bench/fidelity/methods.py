"""The methods of a gradient study, and the budgets over which each is swept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.config.plain import parameters_of
from bench.errors import UserError
from bench.experiment.selection import Choice, parse_methods
from bench.registry import METHODS


@dataclass(frozen=True)
class Sweep:
    """A method that is swept by default: the parameter that buys accuracy, and its values."""

    parameter: str
    values: tuple[Any, ...]
    default: dict[str, Any]  # all parameters of the method as it is registered


def chosen_methods(text: str) -> list[Choice]:
    """The gradient methods of --methods; those without brackets once for each budget.

    Raises UserError if a method that is no gradient method is named.
    """
    choices = []
    for choice in parse_methods(text):
        if getattr(METHODS.get(choice.name), "family", "gradient") == "gradient":
            choices += _with_budgets(choice)
        elif re.search(rf"(^|,)\s*{choice.name}\s*(,|\[|$)", text):
            raise UserError(
                f"method {choice.name!r} has no layer, so there is no gradient to measure"
            )
    if not choices:
        raise UserError("--methods: give at least one gradient method")
    return choices


def _with_budgets(choice: Choice) -> list[Choice]:
    swept = None if choice.parameters else budget_of(choice.name)
    if swept is None:
        return [choice]
    return [Choice(choice.name, (f"{swept.parameter}={value}",)) for value in swept.values]


def budget_of(name: str) -> Sweep | None:
    """What a method is swept over by default, its own default value included."""
    cls = METHODS.get(name)
    budget = getattr(cls, "budget", None)
    if budget is None:
        return None
    parameter, values = budget
    default = parameters_of(cls())
    return Sweep(parameter, tuple(sorted({*values, default[parameter]})), default)


def swept_by_default(methods: str, choices: Iterable[Choice]) -> dict[str, Any]:
    """For the reports: the budget of each method, and whether its values were chosen for it."""
    bare = {choice.name for choice in parse_methods(methods) if not choice.parameters}
    budgets = {}
    for name in dict.fromkeys(choice.name for choice in choices):
        if budget := budget_of(name):
            default = json.dumps(budget.default, sort_keys=True) if name in bare else ""
            budgets[name] = {"parameter": budget.parameter, "default": default}
    return budgets
