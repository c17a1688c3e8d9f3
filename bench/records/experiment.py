"""Reads `experiment.yaml` as plain values: no alias, no tag, and only so many of them."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import yaml

from bench.records.files import MOST_DEPTH
from bench.records.schema import MOST_NUMBER

MOST_NODES = 500_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is built
_PLAIN = (str, int, float, type(None), date)  # a bool is an int, a time stamp a date


def parse_experiment(text: str) -> dict[str, Any]:
    """Return the mapping in a YAML text; raise yaml.YAMLError or ValueError for anything else."""
    _check_events(text)
    content = yaml.load(text, Loader=_LOADER)
    if not isinstance(content, dict):
        raise ValueError("not a mapping")
    _check_values(content)
    return content


def _check_events(text: str) -> None:
    """Refuse what grows when it is loaded: a few lines of aliases make a thousand million nodes."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ValueError("contains an alias or an anchor, which is not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH or number > MOST_NODES:
            raise ValueError(f"has more than {MOST_DEPTH} levels or {MOST_NODES} nodes")


def _check_values(value: object) -> None:
    """Refuse bytes, sets, keys that are no text, and what cannot be written down again."""
    if isinstance(value, dict):
        for key, each in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r:.100} is not text")
            _check_values(key)
            _check_values(each)
    elif isinstance(value, list):
        for each in value:
            _check_values(each)
    elif not isinstance(value, _PLAIN):
        raise ValueError(f"contains a value of type {type(value).__name__}")
    elif isinstance(value, str):
        value.encode("utf-8")  # half of a surrogate pair is no text
    elif isinstance(value, int | float) and MOST_NUMBER < abs(value) < math.inf:
        raise ValueError(f"contains a number beyond {MOST_NUMBER:g}")
