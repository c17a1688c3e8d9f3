"""Configurations as plain values, for storage in JSON and YAML, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config.schema import to_instance, writable_schema
from bench.config.settings import GROUPS, SECTIONS, RunConfig
from bench.errors import blaming, unknown_name


def to_plain(config: RunConfig) -> dict[str, Any]:
    """The configuration as dictionaries, lists, text and numbers."""
    plain: dict[str, Any] = {}
    for setting in dataclasses.fields(config):
        value = getattr(config, setting.name)
        if setting.name in SECTIONS:
            value = dataclasses.asdict(value)
        elif setting.name in GROUPS and value is not None:
            name = GROUPS[setting.name].name_of(value)
            value = {"name": name, "parameters": parameters_of(value)}
        plain[setting.name] = value
    return plain


def parameters_of(instance: Any) -> dict[str, Any]:
    """The parameters of a registered dataclass in plain form (enumerations by name)."""
    try:
        return dict(_cached_parameters(instance))
    except Exception:  # a plug-in's need not be hashable
        return _parameters(instance)


def _parameters(instance: Any) -> dict[str, Any]:
    container = OmegaConf.to_container(OmegaConf.structured(instance), enum_to_str=True)
    plain: dict[str, Any] = _plain_value(container)
    return plain


_cached_parameters = lru_cache(maxsize=1024)(_parameters)


def _plain_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_value(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(plain: Mapping[str, Any]) -> RunConfig:
    """The inverse of `to_plain`; the registries must be loaded. Raises UserError."""
    known = {setting.name for setting in dataclasses.fields(RunConfig)}
    for key in plain:
        if key not in known:
            raise unknown_name("setting", key, known)
    values = dict(plain)
    for group, registry in GROUPS.items():
        if (choice := values.get(group)) is not None:
            cls = registry.get(choice["name"])
            values[group] = _instance(cls, choice["parameters"], registry.kind)
    for section, cls in SECTIONS.items():
        if section in values:
            values[section] = _instance(cls, values[section], section)
    return RunConfig(**values)


def _instance(cls: type[Any], parameters: Mapping[str, Any], what: str) -> Any:
    with blaming(what, plainly=(OmegaConfBaseException,)):
        return to_instance(OmegaConf.merge(writable_schema(cls), dict(parameters)))
