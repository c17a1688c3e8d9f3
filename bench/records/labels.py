"""What a thing with parameters is called where several are to be told apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from bench.errors import printable

_UNKNOWN = "\N{EM DASH}"


def labels(names: Iterable[str], params: Iterable[str]) -> list[str]:
    """Return what each is called: its name, with the parameters in which those of that name differ.

    params: of each, a JSON object as text. `phantom[steps=3]` where several have that name, and
    `phantom` where one has.
    """
    pairs = list(zip(names, params, strict=True))
    sets = {pair: parameters(pair[1]) for pair in dict.fromkeys(pairs)}
    of_name: dict[str, list[dict[str, object]]] = {}
    for (name, _), given in sets.items():
        of_name.setdefault(name, []).append(given)
    differing = {name: _differing(each) for name, each in of_name.items()}
    labels = {pair: _label(pair[0], given, differing[pair[0]]) for pair, given in sets.items()}
    distinct = _distinct(labels)
    return [distinct[pair] for pair in pairs]


def parameters(text: str) -> dict[str, object]:
    """Return the parameters in `method_params`, a JSON object as text; {} if it is not one."""
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {"parameters": text}
    return given if isinstance(given, dict) else {"parameters": text}


def _distinct(labels: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Number the labels that stand for several parameter sets, as shortened ones may."""
    times, seen = Counter(labels.values()), Counter[str]()
    numbered = {}
    for pair, label in labels.items():
        seen[label] += 1
        numbered[pair] = f"{label} #{seen[label]}" if times[label] > 1 else label
    return numbered


def _label(name: str, given: Mapping[str, object], differing: list[str]) -> str:
    shown = ",".join(f"{key}={given.get(key, _UNKNOWN)}" for key in differing)
    return printable(f"{name}[{shown}]" if shown else name)


def _differing(sets: list[dict[str, object]]) -> list[str]:
    keys = dict.fromkeys(key for each in sets for key in each)
    return [key for key in keys if len({repr(each.get(key)) for each in sets}) > 1]
