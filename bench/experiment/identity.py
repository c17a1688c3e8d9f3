"""What is known of a run before it is made, and what decides its numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bench.config.settings import GROUPS
from bench.experiment.spec import RunSpec, as_mapping, chosen_name
from bench.machine.code_version import code_version
from bench.machine.description import decisive_versions
from bench.registry import METHODS


def identity(spec: RunSpec) -> dict[str, object]:
    """The columns of a record that are known before anything is run; the registries are loaded."""
    plain = spec.config
    problem, method = plain["problem"], plain["method"]
    return {
        "run_id": spec.run_id,
        **_chosen(plain, "problem"),
        "size": problem["parameters"].get("size", 0),
        "noise_sigma": problem["parameters"].get("noise_sigma"),
        **_chosen(plain, "layer"),
        **_chosen(plain, "network"),
        "method": method["name"],
        "method_params": json.dumps(method["parameters"], sort_keys=True),
        "family": getattr(METHODS.get(method["name"]), "family", "gradient"),
        "seed": plain["seed"],
        "device": plain["device"],
        "num_threads": float(plain["num_threads"]),
        "config_hash": spec.config_hash,
        "code_version": code_version(classes_of(plain)),
        "library_versions": decisive_versions(),
    }


def _chosen(plain: Mapping[str, Any], group: str) -> dict[str, object]:
    """The name that a run has of a group, and its parameters; empty where it has none."""
    parameters = as_mapping(plain.get(group)).get("parameters")
    text = "" if parameters is None else json.dumps(parameters, sort_keys=True)
    return {group: chosen_name(plain, group), f"{group}_params": text}


def classes_of(plain: Mapping[str, Any]) -> Iterator[type[Any]]:
    """The registered classes that a plain configuration names."""
    for group, registry in GROUPS.items():
        if plain.get(group):
            yield registry.get(plain[group]["name"])


def run_key(row: Mapping[str, object]) -> str:
    """20 hexadecimal digits of the hash of all that decides a run's numbers.

    That is its configuration with its seed, the code, the versions of the libraries and the kind of
    device; two runs with the same key are the same run.
    """
    decisive = [row["config_hash"], row["code_version"], row["library_versions"], _kind(row)]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:20]


def what_changed(recorded: Mapping[str, object], now: Mapping[str, object]) -> str:
    """Why a record no longer stands for the run that would be made now; "" if it does."""
    return "; ".join(_changes(recorded, now))


def _changes(recorded: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    if recorded["config_hash"] != now["config_hash"]:
        yield "its settings changed"
    if _kind(recorded) != _kind(now):
        yield f"device {_kind(recorded)} → {_kind(now)}"
    if not recorded["code_version"]:
        yield "its record does not state the code and library versions"
    elif recorded["code_version"] != now["code_version"]:
        yield "its code changed"
    if recorded["library_versions"] and recorded["library_versions"] != now["library_versions"]:
        yield from _version_changes(recorded["library_versions"], now["library_versions"])


def _version_changes(recorded: object, now: object) -> Iterator[str]:
    try:
        old, new = json.loads(str(recorded)), json.loads(str(now))
        changed = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
        yield from (f"{name} {old.get(name)} → {new.get(name)}" for name in changed)
    except (ValueError, AttributeError, TypeError):
        yield "its library versions cannot be read"


def _kind(row: Mapping[str, object]) -> str:
    return str(row["device"]).split(":")[0]
