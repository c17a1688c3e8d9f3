"""Checks a method against the contract, and prints a verdict for each property."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.commands.actions._shared import fitted_table, load_plugins
from bench.config.overrides import compose_config
from bench.errors import UserError, blaming
from bench.experiment.selection import parse_methods, parse_names
from bench.registry import LAYERS
from methods.base import GradientMethod

if TYPE_CHECKING:
    from bench.contracts.verdict import Verdict


def execute(arguments: argparse.Namespace) -> int:
    """Print the verdicts; 1 if any property fails."""
    load_plugins("check", arguments.plugin)
    label, method = _method(arguments.method)
    layers = parse_names(LAYERS, arguments.layer) if arguments.layer is not None else LAYERS.names()
    import torch  # an unknown name is refused faster than this is imported

    from bench.contracts.verdict import FAILED, check_method

    torch.set_num_threads(1)  # threads cost more than they give on tiny images
    with blaming(f"method {label!r}"):
        print(f"{label} on {', '.join(layers)}: {method!r}\n")
    verdicts = check_method(method, layers)
    print(_table(verdicts, layers))
    print("\n" + "\n".join([*_reasons(verdicts), _summary(label, verdicts)]))
    return int(any(verdict.status == FAILED for verdict in verdicts))


def _method(text: str) -> tuple[str, GradientMethod]:
    """The label and the instance of the one method that is named."""
    choices = parse_methods(text, "METHOD")
    if len(choices) != 1:
        raise UserError(f"{text!r} names {len(choices)} methods: give one at a time")
    choice = choices[0]
    parameters = (f"method.{parameter}" for parameter in choice.parameters)
    method = compose_config([f"method={choice.name}", *parameters]).method
    if not isinstance(method, GradientMethod):
        raise UserError(
            f"{choice.name!r} is not a gradient method (a subclass of methods.base."
            "GradientMethod): only gradient methods can be checked"
        )
    return choice.label, method


def _table(verdicts: Sequence[Verdict], layers: Sequence[str]) -> str:
    """A row for each property, a column for each layer and one for the linear fixed points."""
    rows = [["property", *layers, "linear", "statement"]]
    for one in dict.fromkeys(verdict.property for verdict in verdicts):
        of_property = [verdict for verdict in verdicts if verdict.property is one]
        cells = [_cell([v for v in of_property if v.case == layer]) for layer in layers]
        linear = _cell([v for v in of_property if v.case not in layers])
        rows.append([one.name, *cells, linear, one.statement])
    return fitted_table(rows)


def _cell(verdicts: Sequence[Verdict]) -> str:
    """`ok`, `FAILED`, or `FAILED float32` where the precisions differ; empty where not checked."""
    from bench.contracts.verdict import FAILED

    failed = [verdict.dtype for verdict in verdicts if verdict.status == FAILED]
    if failed:
        return " ".join(["FAILED", *(failed if len(failed) < len(verdicts) else [])])
    return verdicts[0].status if verdicts else ""


def _reasons(verdicts: Sequence[Verdict]) -> list[str]:
    """Why each property failed, then why others are not stated, each reason once."""
    from bench.contracts.verdict import FAILED, NOT_STATED

    failed = [
        f"FAILED {verdict.property.name} ({verdict.case}, {verdict.dtype}): {verdict.reason}"
        for verdict in verdicts
        if verdict.status == FAILED
    ]
    reasons: dict[str, Any] = {}
    for verdict in verdicts:
        if verdict.status == NOT_STATED:
            reasons.setdefault(verdict.reason, {})[verdict.property.name] = None
    return [*failed, *(f"not stated: {', '.join(names)} ({why})" for why, names in reasons.items())]


def _summary(label: str, verdicts: Sequence[Verdict]) -> str:
    from bench.contracts.verdict import FAILED, NOT_STATED, OK

    properties = {status: set[str]() for status in (FAILED, NOT_STATED, OK)}
    for verdict in verdicts:
        properties[verdict.status].add(verdict.property.name)
    failed, not_stated = properties[FAILED], properties[NOT_STATED] - properties[FAILED]
    holding = properties[OK] - failed - not_stated
    fail = "1 fails" if len(failed) == 1 else f"{len(failed)} fail"
    unstated = "1 is not stated" if len(not_stated) == 1 else f"{len(not_stated)} are not stated"
    counts = f"{len(holding)} properties hold, {fail}, {unstated}"
    return f"{label}: {'FAILED' if failed else 'ok'} ({counts})"
