"""What a method is called, and in which order methods appear, in every table and figure."""

from __future__ import annotations

import json
import math
from typing import Any, TypeGuard

import pandas as pd

from bench.records import USUAL_NETWORK, layer_label
from bench.records.labels import labels, parameters
from reports.format import printable

METHOD_ORDER = (
    *("jfb", "ift", "phantom", "neumann", "shine", "unrolling", "reversible"),
    *("torchdeq_jfb", "torchdeq_ift", "torchdeq_phantom", "deepinv_jfb", "deepinv_ift"),
    *("dncnn", "unet", "restormer", "pnp_admm", "tv"),
)


def method_rank(method: str) -> tuple[int, str]:
    """Return the sort key of a method: the built-in order first, then plug-ins by name."""
    return ((*METHOD_ORDER, method).index(method), method)


def with_labels(runs: pd.DataFrame) -> pd.DataFrame:
    """Return `runs` in reporting order with two more columns, `label` and `legend`.

    `label` is the method, with the parameters that differ when it appears with several sets:
    `phantom[steps=3]`. `legend` adds the layer when it appears with several: `jfb (deprox)`.
    """
    labelled = runs.assign(label=labels(runs["method"], runs["method_params"]))
    layers = labelled.groupby("method")["layer"].transform("nunique")
    labelled["legend"] = [
        f"{label} ({printable(layer)})" if count > 1 else label
        for label, layer, count in zip(labelled["label"], labelled["layer"], layers, strict=True)
    ]
    order = sorted(range(len(labelled)), key=_sort_keys(labelled).__getitem__)
    return labelled.iloc[order].reset_index(drop=True)


def with_workloads(table: pd.DataFrame) -> pd.DataFrame:
    """Return runs or gradients whose `problem` and `layer` say all that tells workloads apart.

    These are the parameters in which they differ, and the network where there are several or it is
    not the usual one: `gaussian[noise_sigma=0.05]`, `degrad[lipschitz=0.9]+dncnn`. The names alone
    are kept in `problem_name`, `layer_name` and `network_name`.
    """
    problems = labels(table["problem"], [_without_size(text) for text in table["problem_params"]])
    layers = labels(table["layer"], table["layer_params"])
    networks = labels(table["network"], table["network_params"])
    pairs = zip(layers, networks, strict=True)
    return table.assign(
        problem_name=table["problem"],
        layer_name=table["layer"],
        network_name=table["network"].where(table["network"] != "", USUAL_NETWORK),
        problem=problems,
        layer=[layer_label(layer, network) for layer, network in pairs],
    )


def _without_size(text: str) -> str:
    """Return the parameters of a problem without its size, which has a column of its own."""
    return json.dumps({key: value for key, value in parameters(text).items() if key != "size"})


def _sort_keys(runs: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return what each run is sorted by; a method and its parameters are parsed once."""
    methods = {name: method_rank(name) for name in runs["method"].unique()}
    naturals = {text: _natural(text) for text in runs["method_params"].unique()}
    names = ("problem", "size", "method", "layer", "method_params", "seed")
    rows = zip(*(runs[name] for name in names), strict=True)
    return [
        (problem, size, methods[method], layer, naturals[text], seed)
        for problem, size, method, layer, text, seed in rows
    ]


def _natural(text: str) -> list[tuple[str, float, str]]:
    """Return a sort key that puts steps=5 before steps=10."""
    return [
        (key, float(value), "") if _is_number(value) else (key, 0.0, repr(value))
        for key, value in sorted(parameters(text).items())
    ]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and -math.inf < value < math.inf and abs(value) < 1e300
