"""One results folder, several commands: what a later one adds to the plan, and what it replaces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.settings import WITHOUT_EFFECT
from bench.errors import UserError
from bench.records import Plan

# What a report tells runs by; everything else has to be the same for all runs of a folder.
TOLD_APART = ("method", "problem", "layer", "seed")


@dataclass(frozen=True)
class Merged:
    """The plan with the runs of both, and the runs whose place was taken by changed ones."""

    plan: Plan
    superseded: list[str]


def merge(old: Plan, new: Plan) -> Merged:
    """Add the runs of `new`; a run of the same problem, size, layer, method and seed is replaced.

    Raises UserError if runs that stay were made with other settings than the new ones, so that a
    report would take for a difference of methods what is a difference of settings.
    """
    rest = [run_id for run_id in old.runs if run_id not in new.runs]
    places = {_place(new, run_id) for run_id in new.runs} if rest else set()
    superseded = [run_id for run_id in rest if _place(old, run_id) in places]
    staying = {run_id: old.runs[run_id] for run_id in rest if run_id not in set(superseded)}
    _require_same_settings(old, {name for name, _ in staying.values()}, new)
    used = {name for name, _ in staying.values()}
    configurations = {name: old.configurations[name] for name in used if name in old.configurations}
    plan = Plan({**configurations, **new.configurations}, {**staying, **new.runs})
    return Merged(plan, superseded)


def _place(plan: Plan, run_id: str) -> tuple[object, ...]:
    config = plan.config(run_id)
    problem, layer, method = (_mapping(config.get(key)) for key in ("problem", "layer", "method"))
    return (
        problem.get("name"),
        _mapping(problem.get("parameters")).get("size"),
        layer.get("name"),
        method.get("name"),
        json.dumps(method.get("parameters"), sort_keys=True),
        config.get("seed"),
    )


def _require_same_settings(old: Plan, staying: set[str], new: Plan) -> None:
    for name in sorted(staying):
        for other in new.configurations.values():
            before = _mapping(_mapping(old.configurations.get(name)).get("config"))
            for key, was, now in _conflicts(before, _mapping(other.get("config"))):
                raise UserError(
                    f"the folder holds runs with {key}={was} that this command, with {key}={now}, "
                    "does not replace: choose another folder with --out"
                )


def _conflicts(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Settings that two configurations should share and do not."""
    for key in dict.fromkeys([*a, *b]):
        if key in TOLD_APART or key in WITHOUT_EFFECT:
            continue
        if key == "forward" and not (a.get("layer") and b.get("layer")):
            continue  # methods without a layer have no forward solver
        yield from _differences(key, a.get(key), b.get(key))
    problems = [_mapping(each.get("problem")) for each in (a, b)]
    if problems[0].get("name") == problems[1].get("name"):
        parameters = [_mapping(each.get("parameters")) for each in problems]
        for key in dict.fromkeys([*parameters[0], *parameters[1]]):
            if key != "size":
                yield from _differences(f"problem.{key}", *(each.get(key) for each in parameters))


def _differences(key: str, a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for inner in dict.fromkeys([*a, *b]):
            yield from _differences(f"{key}.{inner}", a.get(inner), b.get(inner))
    elif a != b:
        yield key, a, b


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
