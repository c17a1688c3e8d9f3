"""What a method is called, and in which order methods appear, in every table and figure."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

METHOD_ORDER = (
    *("jfb", "ift", "phantom", "neumann", "shine", "unrolling"),
    *("torchdeq_jfb", "torchdeq_ift", "torchdeq_phantom", "deepinv_jfb", "deepinv_ift"),
    *("dncnn", "pnp_admm", "tv"),
)
NONE = "—"
TIMES = "\N{MULTIPLICATION SIGN}"
_LONGEST = 48


def printable(text: object, longest: int = _LONGEST) -> str:
    """Return one line of printable characters; names may come from a stranger's record."""
    line = " ".join(str(text).split())
    clean = "".join(letter if letter.isprintable() else "?" for letter in line)
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def counted(number: int, noun: str) -> str:
    """Write `1 seed`, `3 seeds`."""
    return f"{number} {noun}{'s' if number != 1 else ''}"


def plain(value: float) -> str:
    """Write 0.01, 1e-4 and 20, as a person would."""
    if not 0 < value < 1e-3:
        return f"{value:g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def wrapped(name: str, longest: int = 13) -> str:
    """Break a label into lines, before a bracket or a space or after a comma or underscore."""
    lines = [""]
    for piece in re.findall(r"[\[( ]?[^\[( ,_]*[,_]?", name):
        if lines[-1] and len(lines[-1] + piece) > longest:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def method_rank(method: str) -> tuple[int, str]:
    """Return the sort key of a method: the built-in order first, then plug-ins by name."""
    known = method in METHOD_ORDER
    return (METHOD_ORDER.index(method) if known else len(METHOD_ORDER), method)


def with_labels(runs: pd.DataFrame) -> pd.DataFrame:
    """Return `runs` in reporting order with two more columns, `label` and `legend`.

    `label` is the method, with the parameters that differ when it appears with several sets:
    `phantom[steps=3]`. `legend` adds the layer when it appears with several: `jfb (deprox)`.
    """
    labelled = runs.assign(label=_labels(runs))
    layers = labelled.groupby("method")["layer"].transform("nunique")
    labelled["legend"] = [
        f"{label} ({printable(layer)})" if count > 1 else label
        for label, layer, count in zip(labelled["label"], labelled["layer"], layers, strict=True)
    ]
    rows = labelled.to_dict("records")
    return labelled.iloc[sorted(range(len(rows)), key=lambda at: _place(rows[at]))].reset_index(
        drop=True
    )


def _place(run: Mapping[Hashable, Any]) -> tuple[Any, ...]:
    parameter_order = _natural(run["method_params"])
    rank = method_rank(run["method"])
    return (run["problem"], run["size"], rank, run["layer"], parameter_order, run["seed"])


def _labels(runs: pd.DataFrame) -> list[str]:
    parsed = [parameters(text) for text in runs["method_params"]]
    pairs = list(zip(runs["method"], parsed, strict=True))
    differing = {
        method: _differing([each for name, each in pairs if name == method])
        for method in set(runs["method"])
    }
    labels = [_label(method, given, differing[method]) for method, given in pairs]
    return _distinct(labels, list(runs["method_params"]))


def _distinct(labels: list[str], sets: list[str]) -> list[str]:
    """Number the labels that stand for several parameter sets, as shortened ones may."""
    of_label: dict[str, list[str]] = {}
    for label, given in zip(labels, sets, strict=True):
        of_label.setdefault(label, []).append(given)
    numbered = []
    for label, given in zip(labels, sets, strict=True):
        distinct = list(dict.fromkeys(of_label[label]))
        place = distinct.index(given) + 1
        numbered.append(f"{label} #{place}" if len(distinct) > 1 else label)
    return numbered


def _label(method: str, given: Mapping[str, object], differing: list[str]) -> str:
    shown = ",".join(f"{key}={given.get(key, NONE)}" for key in differing)
    return printable(f"{method}[{shown}]" if shown else method)


def _differing(sets: list[dict[str, object]]) -> list[str]:
    keys = dict.fromkeys(key for each in sets for key in each)
    return [key for key in keys if len({repr(each.get(key)) for each in sets}) > 1]


def parameters(text: str) -> dict[str, object]:
    """Return the parameters in `method_params`, a JSON object as text; {} if it is not one."""
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {"parameters": text}
    return given if isinstance(given, dict) else {"parameters": text}


def _natural(text: str) -> list[tuple[str, float, str]]:
    """Return a sort key that puts steps=5 before steps=10."""
    return [
        (key, float(value), "") if isinstance(value, int | float) else (key, 0.0, str(value))
        for key, value in sorted(parameters(text).items())
    ]
