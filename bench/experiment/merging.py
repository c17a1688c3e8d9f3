"""One results folder, several commands: what a later one adds to the plan, and what it replaces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.settings import GROUPS, RENAMED, WITHOUT_EFFECT
from bench.errors import UserError
from bench.experiment.spec import as_mapping
from bench.records import USUAL_NETWORK, Plan

# What a report tells runs by; everything else has to be the same for all runs of a folder.
# With all their parameters.
TOLD_APART = ("method", "problem", "layer", "network", "seed")


@dataclass(frozen=True)
class Merged:
    """The plan with the runs of both, and the runs whose place was taken by changed ones."""

    plan: Plan
    superseded: list[str]


def merge(old: Plan, new: Plan) -> Merged:
    """Add the runs of `new`; one of the same place (see `_place`) is replaced.

    Raises UserError if runs that stay were made with other settings than the new ones, so that a
    report would take for a difference of methods what is a difference of settings.
    """
    rest = [run_id for run_id in old.runs if run_id not in new.runs]
    taken = {_place(new, run_id) for run_id in new.runs} if rest else set()
    superseded = [run_id for run_id in rest if _place(old, run_id) in taken]
    staying = {run_id: old.runs[run_id] for run_id in rest if run_id not in set(superseded)}
    used = {name for name, _ in staying.values()}
    _require_same_settings(old, used, new)
    configurations = {name: old.configurations[name] for name in used if name in old.configurations}
    plan = Plan({**configurations, **new.configurations}, {**staying, **new.runs})
    return Merged(plan, superseded)


def _place(plan: Plan, run_id: str) -> str:
    """What two runs of one folder may not share: workload, method and seed."""
    settings = _settings(plan.config(run_id))
    place = {key: value for key, value in settings.items() if key.split(".")[0] in TOLD_APART}
    return json.dumps(place, sort_keys=True, default=str)


def _require_same_settings(old: Plan, staying: set[str], new: Plan) -> None:
    planned = [_settings(each.get("config")) for each in new.configurations.values()]
    for name in sorted(staying):
        before = _settings(as_mapping(old.configurations.get(name)).get("config"))
        for after in planned:
            for key, was, now in _conflicts(before, after):
                raise UserError(
                    f"the folder has runs with {key}={was}, which this command ({key}={now}) would "
                    "not replace: choose another folder with --out"
                )


def _conflicts(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Settings that two configurations should share and do not."""
    for key in dict.fromkeys([*a, *b]):
        if a.get(key) != b.get(key) and _is_shared(key, a, b):
            yield key, _written(a.get(key)), _written(b.get(key))


def _is_shared(key: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    group = key.split(".")[0]
    if group == "forward":  # methods without a layer have no forward solver
        return bool(a.get("layer") and b.get("layer"))
    return group not in TOLD_APART and group not in WITHOUT_EFFECT


def _settings(config: object) -> dict[str, Any]:
    """A stored configuration as settings by the keys under which a user sets them."""
    flat = {}
    for key, value in as_mapping(config).items():
        if key in GROUPS and isinstance(value, Mapping):
            flat[key] = value.get("name")
            value = as_mapping(value.get("parameters"))
        flat |= _flat(key, value)
    return flat if flat.get("network") or not flat.get("layer") else _renamed(flat)


def _renamed(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run from before there was a choice of networks, as they are named now."""
    return {"network": USUAL_NETWORK, **{RENAMED.get(key, key): flat[key] for key in flat}}


def _flat(key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {key: value}
    parts = (_flat(f"{key}.{name}", inner) for name, inner in value.items())
    return {name: inner for part in parts for name, inner in part.items()}


def _written(value: object) -> str:
    """A value as a user writes it."""
    return value if isinstance(value, str) else json.dumps(value, default=str)
