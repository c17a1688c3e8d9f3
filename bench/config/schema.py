"""A dataclass as the schema of its own settings: typed OmegaConf nodes, and back to instances."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from omegaconf import DictConfig, OmegaConf


def writable_schema(cls: type[Any]) -> DictConfig:
    """The OmegaConf schema of a dataclass; frozen ones would otherwise refuse every override."""
    schema: DictConfig = OmegaConf.structured(cls)
    _make_writable(schema)
    return schema


def _make_writable(node: DictConfig) -> None:
    OmegaConf.set_readonly(node, None)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            _make_writable(child)


def to_instance(node: Any) -> Any:
    """The dataclass that a node describes; raises what OmegaConf and the class raise."""
    return _with_tuples(OmegaConf.to_object(node))


def _with_tuples(instance: Any) -> Any:
    """Give tuples back to the fields that ask for them: OmegaConf keeps only lists."""
    hints = typing.get_type_hints(type(instance))
    changed = {
        field.name: tuple(getattr(instance, field.name))
        for field in dataclasses.fields(instance)
        if typing.get_origin(hints[field.name]) is tuple
        and isinstance(getattr(instance, field.name), list)
    }
    return dataclasses.replace(instance, **changed) if changed else instance
