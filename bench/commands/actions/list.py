"""Lists what is registered, and the presets."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from bench.commands.actions._shared import fitted_table, load_plugins
from bench.config.presets import PRESETS
from bench.errors import unknown_name
from bench.registry import (
    CALLBACKS,
    IMAGES,
    LAYERS,
    METHODS,
    NETWORKS,
    PROBLEMS,
    Entry,
    Registry,
)

Row = list[str]


def execute(arguments: argparse.Namespace) -> int:
    """Print one table, or all of them."""
    if arguments.kind is not None and arguments.kind not in TABLES:
        raise unknown_name("kind", arguments.kind, TABLES)
    load_plugins("list", arguments.plugin)
    kinds = [arguments.kind] if arguments.kind else list(TABLES)
    tables = [f"{kind}\n{fitted_table(TABLES[kind]())}" for kind in kinds]
    print("\n\n".join(tables))
    return 0


def _methods() -> list[Row]:
    families = [getattr(entry.cls, "family", "gradient") for entry in METHODS.entries()]
    columns = zip(_entries(METHODS), ["family", *families], strict=True)
    return [[name, family, *rest] for (name, *rest), family in columns]


def _entries(registry: Registry) -> list[Row]:
    rows = [[entry.name, *_described(entry)] for entry in registry.entries()]
    return [["name", "parameters", "summary"], *rows]


def _described(entry: Entry) -> Row:
    origin = "" if entry.source == "built-in" else f" (from {entry.source})"
    parameters = [f"{field.name}={_default(field)}" for field in dataclasses.fields(entry.cls)]
    return [" ".join(parameters) or "-", entry.summary + origin]


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default
    else:
        assert field.default_factory is not dataclasses.MISSING  # checked at registration
        value = field.default_factory()
    return "null" if value is None else str(value)


def _presets() -> list[Row]:
    rows = [
        [
            name,
            ",".join(map(str, preset.sizes)),
            str(preset.seeds),
            " ".join(preset.overrides) or "-",
            preset.summary,
        ]
        for name, preset in PRESETS.items()
    ]
    return [["name", "sizes", "seeds", "settings", "summary"], *rows]


TABLES: dict[str, Callable[[], list[Row]]] = {
    "methods": _methods,
    "problems": lambda: _entries(PROBLEMS),
    "layers": lambda: _entries(LAYERS),
    "networks": lambda: _entries(NETWORKS),
    "images": lambda: _entries(IMAGES),
    "callbacks": lambda: _entries(CALLBACKS),
    "presets": _presets,
}
