"""What differs between two experiments besides their numbers, and whether times compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.records import Results
from bench.records.labels import parameters
from reports.comparison.matching import Pair
from reports.format import NONE, printable

# What a time depends on; the kernel's version and the memory's size are shown, but do not matter.
TIMED_MACHINE = ("cpu", "logical_cores", "gpu")
# Differ between any two experiments, or are compared by the runs themselves.
_NOT_SETTINGS = (
    *("name", "started_at", "command", "command_line", "request", "experiment_hash"),
    *("machine", "versions", "commit", "runs", "configurations", "noise_floor"),
    *("concurrency", "earlier"),
)
_MOST_SETTINGS = 12
_DEEPEST = 6  # a stranger's YAML may contain itself


def differences(a: Results, b: Results, pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """Return `cpu: old → new` under machine, versions, commit and settings; {} if all is equal."""
    found = {}
    for name in ("machine", "versions", "commit"):
        found[name] = [
            f"{old} → {new}" if name == "commit" else f"{path}: {old} → {new}"
            for path, old, new in _walk(a.experiment.get(name), b.experiment.get(name))
        ]
    settings = _setting_changes(a, b, pairs)
    more = len(settings) - _MOST_SETTINGS
    found["settings"] = settings[:_MOST_SETTINGS] + ([f"and {more} more"] if more > 0 else [])
    return {heading: lines for heading, lines in found.items() if lines}


def obstacle_to_times(a: Mapping[str, Any], b: Mapping[str, Any], pairs: Sequence[Pair]) -> str:
    """Return why times are not comparable (another machine, device or thread count), or ''."""
    machine_a, machine_b = _mapping(a.get("machine")), _mapping(b.get("machine"))
    for folder, machine in (("A", machine_a), ("B", machine_b)):
        if not machine.get("cpu"):
            return f"the machine of {folder} is unknown"
    for name in TIMED_MACHINE:
        old, new = _brief(machine_a.get(name)), _brief(machine_b.get(name))
        if old != new:
            return f"another machine, {name}: {old} → {new}"
    for name in ("device", "num_threads"):
        changed = {(_brief(pair.a[name]), _brief(pair.b[name])) for pair in pairs}
        for old, new in sorted(changed):
            if old != new:
                return f"another {name}: {old} → {new}"
    return next(filter(None, map(_other_fingerprint, pairs)), "")


def _other_fingerprint(pair: Pair) -> str:
    """Return what differs between the machines of two runs that state their fingerprints."""
    prints = pair.a["fingerprint"], pair.b["fingerprint"]
    if not all(prints) or prints[0] == prints[1]:
        return ""
    old, new = (parameters(run["machine_identity"]) for run in (pair.a, pair.b))
    differing = _walk(old, new) if old and new else iter(())
    found = next(differing, ("fingerprint", *map(_brief, prints)))
    return f"another machine, {found[0].replace('_', ' ')}: {found[1]} → {found[2]}"


def _setting_changes(a: Results, b: Results, pairs: Sequence[Pair]) -> list[str]:
    """A setting that changed in the same way in many runs is one line."""
    old_rest, new_rest = (
        {name: value for name, value in each.experiment.items() if name not in _NOT_SETTINGS}
        for each in (a, b)
    )
    changes: dict[str, list[tuple[str, str]]] = {
        path: [(old, new)] for path, old, new in _walk(old_rest, new_rest)
    }
    described = 0
    for pair in pairs:
        old_config, new_config = a.plan.config(pair.a["run_id"]), b.plan.config(pair.b["run_id"])
        if not old_config or not new_config:
            continue
        described += 1
        for path, old, new in _walk(old_config, new_config):
            if not (pair.renamed and path.startswith("method.")):
                changes.setdefault(path, []).append((old, new))
    return [_setting_line(path, each, described) for path, each in changes.items()]


def _setting_line(path: str, changes: list[tuple[str, str]], described: int) -> str:
    distinct = list(dict.fromkeys(changes))
    shown = ", ".join(f"{old} → {new}" for old, new in distinct[:3])
    more = ", …" if len(distinct) > 3 else ""
    part = f" ({len(changes)} of {described} pairs)" if 1 < len(changes) < described else ""
    return f"{path.replace('.parameters.', '.')}: {shown}{more}{part}"


def _walk(a: object, b: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Yield (path, old, new) of every leaf that differs."""
    if isinstance(a, Mapping) and isinstance(b, Mapping) and depth < _DEEPEST:
        for key in dict.fromkeys([*a, *b]):
            below = f"{path}.{printable(key)}" if path else printable(key)
            yield from _walk(a.get(key), b.get(key), below, depth + 1)
    elif _brief(a) != _brief(b):
        yield path or "all", _brief(a), _brief(b)


def _brief(value: object) -> str:
    """Return a value on a few characters of one line; of what is nested only that it is."""
    if isinstance(value, Mapping):
        return "{…}" if value else "{}"
    if isinstance(value, list | tuple):
        items = [_brief(each) if not isinstance(each, list | tuple) else "[…]" for each in value]
        return f"[{printable(', '.join(items[:8]))}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return NONE if value is None or value == "" else printable(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
