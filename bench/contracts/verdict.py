"""The verdict on each property of a method: a failure is a verdict, never an exception."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from bench.contracts.cases import DTYPES, Case, layer_case
from bench.contracts.linear import LINEAR_CASES, linear_case
from bench.contracts.process.state import State, changed_switches, read_switches
from bench.contracts.properties import LAYER, PROPERTIES, Property
from bench.contracts.requirement import ContractViolation, NotStated
from bench.errors import named_line
from bench.registry import LAYERS, METHODS
from methods.base import GradientMethod

OK, FAILED, NOT_STATED = "ok", "failed", "not stated"


@dataclass(frozen=True)
class Verdict:
    """One property on one case: status is "ok", "failed" or "not stated"; reason is one line.

    case: the name of a layer or of a linear fixed point; dtype: float64 or float32.
    """

    property: Property
    case: str
    dtype: str
    status: str
    reason: str = ""


def check_method(
    method: GradientMethod | str,
    layers: Sequence[str] | None = None,
    dtypes: Sequence[str] = tuple(DTYPES),
) -> list[Verdict]:
    """The verdict on every property, case and precision, in the order of PROPERTIES.

    method: an instance, or a registered name for its default parameters; layers: names, or None
    for all registered ones.
    """
    instance: GradientMethod = METHODS.get(method)() if isinstance(method, str) else method
    names = LAYERS.names() if layers is None else layers
    before = read_switches()
    return [
        judge(one, instance, name, dtype, before)
        for one, name, dtype in applicable(names)
        if dtype in dtypes
    ]


def applicable(layers: Sequence[str]) -> Iterator[tuple[Property, str, str]]:
    """Every property with the name of each case and the precisions to check it in."""
    for one in PROPERTIES:
        for name in (*(layers if one.on == LAYER else (one.on,)), *one.also):
            for dtype in one.dtypes:
                yield one, name, dtype


def judge(
    one: Property, method: GradientMethod, case: str, dtype: str, before: State | None = None
) -> Verdict:
    """The verdict on one property; whatever the method raises is a failure.

    What the method has changed in the process is put back, so that it spoils no other verdict.
    before: the state to which, the present one by default.
    """
    before = before or read_switches()
    try:
        return _verdict(one, method, case, dtype)
    finally:
        changed_switches(before)


def _verdict(one: Property, method: GradientMethod, case: str, dtype: str) -> Verdict:
    try:
        with torch.enable_grad():  # and restores the mode for the next check
            one.check(method, named_case(case, dtype))
    except NotStated as unknown:
        return Verdict(one, case, dtype, NOT_STATED, str(unknown))
    except ContractViolation as violation:
        return Verdict(one, case, dtype, FAILED, str(violation))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plug-in may raise anything
        return Verdict(one, case, dtype, FAILED, named_line(error))
    return Verdict(one, case, dtype, OK)


def named_case(name: str, dtype: str) -> Case:
    """The case of a layer, or a linear one."""
    return linear_case(name) if name in LINEAR_CASES else layer_case(name, DTYPES[dtype])
