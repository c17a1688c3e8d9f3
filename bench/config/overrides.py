"""From KEY=VALUE settings in Hydra's override grammar to one RunConfig.

Hydra's parser reads the settings, OmegaConf checks their types against the dataclasses. Hydra's
own `compose` does the same in seven times the time, and its messages propose `+key`, name internal
classes and run over several lines; here each error is one line with the nearest valid key.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import BooleanNode, DictConfig, OmegaConf, StringNode
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from bench.config.schema import to_instance, writable_schema
from bench.config.settings import (
    DEFAULT_CHOICES,
    GROUPS,
    RENAMED,
    SECTIONS,
    RunConfig,
    require_ranges,
    validate,
)
from bench.config.sweeps import values_of
from bench.errors import UserError, blaming, unknown_name

Section = TypeVar("Section")
# OmegaConf's words for a value of the wrong type, and ours for the type.
_MISMATCHES = (
    r"Value '(.*)' of type '.*' could not be converted to (\w+)",
    r"Value '(.*)' is not a valid (\w+)",
)
_PLAIN_TYPES = {"Integer": "an int", "Float": "a float", "bool": "a bool (true or false)"}


@dataclass(frozen=True)
class SettingValues:
    """One parsed KEY=VALUE; `values` has several for a sweep such as `layer=degrad,deprox`."""

    key: str
    values: tuple[str, ...]  # as written, in Hydra's override grammar


def parse_setting(text: str) -> SettingValues:
    """Parse KEY=VALUE in Hydra's override grammar; raises UserError."""
    override = _parse(text)
    try:
        return SettingValues(override.key_or_group, tuple(values_of(override)))
    except HydraException as error:
        raise _unreadable(text) from error


def _parse(text: str) -> Override:
    if "=" not in text:
        raise UserError(f"cannot read the setting {text!r}: write KEY=VALUE")
    try:
        override = OverridesParser.create().parse_override(text)
    except RecursionError as error:
        raise UserError(f"cannot read the setting {text!r}: too many nested brackets") from error
    except Exception as error:  # Hydra's, or that of a number of 5,000 digits
        raise _unreadable(text) from error
    if override.type is not OverrideType.CHANGE or override.package is not None:
        raise UserError(
            f"setting {text!r}: write KEY=VALUE without a prefix (+, ++ or ~) or a package (@)"
        )
    return override


def _unreadable(text: str) -> UserError:
    return UserError(
        f"cannot read the setting {text!r}: put quotes around a value with special characters"
    )


def compose_config(overrides: Sequence[str]) -> RunConfig:
    """A validated RunConfig; later overrides win, and `method=NAME` must be among them.

    `method`, `problem`, `layer`, `network` and `images` choose a registered class, every other
    key sets a value. Raises UserError for unknown keys and names, wrong types and values out of
    range.
    """
    parsed = [_single(text) for text in overrides]
    defaults = DEFAULT_CHOICES.items()
    choices = {group: name for group, name in defaults if name in GROUPS[group].names()}
    for override in parsed:
        if (group := override.key_or_group) in GROUPS:
            choices[group] = GROUPS[group].entry(_written(override)).name
    node = writable_schema(RunConfig)
    for group, name in choices.items():
        with blaming(f"{GROUPS[group].kind} {name!r}"):  # the defaults of a plug-in may be computed
            node[group] = writable_schema(GROUPS[group].get(name))
    _set_default_channels(node, choices)
    _assign(node, [override for override in parsed if override.key_or_group not in GROUPS])
    config = _config_of(node)
    validate(config)
    return config


def _set_default_channels(node: DictConfig, choices: Mapping[str, str]) -> None:
    """Pictures in colour make a problem in colour; a setting of the user or a preset comes after.

    Their number of channels stands at the image source (`default_channels`), and nowhere else.
    """
    if "images" not in choices or "problem" not in choices:
        return
    channels = getattr(GROUPS["images"].get(choices["images"]), "default_channels", None)
    if channels is not None and "channels" in node.problem:
        node.problem.channels = channels


def compose_section(cls: type[Section], prefix: str, overrides: Iterable[str]) -> Section:
    """A settings dataclass from overrides of `prefix`.KEY; later ones win. Raises UserError."""
    node = OmegaConf.create({prefix: writable_schema(cls)})
    _assign(node, [_single(text) for text in overrides])
    section = _value_of(node, prefix)
    assert isinstance(section, cls)
    require_ranges(section, f"{prefix}.")
    return section


def _single(text: str) -> Override:
    override = _parse(text)
    if override.is_sweep_override():
        raise UserError(f"{text}: only one value is allowed here")
    return override


def _assign(node: DictConfig, overrides: Iterable[Override]) -> None:
    known = list(_keys_below("", node))
    for override in overrides:
        if override.key_or_group not in known:  # a plug-in may have a parameter of the former name
            override.key_or_group = RENAMED.get(override.key_or_group, override.key_or_group)
        key = override.key_or_group
        _check_key(key, known)
        try:
            OmegaConf.update(node, key, _value_for(node, override))
        except OmegaConfBaseException as error:
            raise _translated(error, known) from error
        except OverflowError as error:  # a whole number beyond every float
            raise UserError(f"{key}: must be a finite number") from error


def _value_for(node: DictConfig, override: Override) -> Any:
    """The value of an override; for a field of text as it is written, be it 007 or yes."""
    parent, _, name = override.key_or_group.rpartition(".")
    holder = OmegaConf.select(node, parent) if parent else node
    value = override.value()
    is_number = isinstance(value, int | float) and value not in (0, 1)
    if isinstance(holder._get_node(name), BooleanNode) and is_number:  # OmegaConf takes -1 for true
        raise UserError(f"{override.key_or_group}: {value!r} is not {_PLAIN_TYPES['bool']}")
    is_text = isinstance(holder._get_node(name), StringNode) and value is not None
    return _written(override) if is_text else value


def _written(override: Override) -> str:
    """The text of a value, without the quotes around it."""
    (text,) = values_of(override)
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _keys_below(prefix: str, node: DictConfig) -> Iterator[str]:
    """Every dotted key that can be set; a section is not set as a whole."""
    for name in map(str, node):
        key, child = f"{prefix}{name}", node._get_node(name)
        if key not in SECTIONS:
            yield key
        if isinstance(child, DictConfig) and isinstance(child._content, dict):
            yield from _keys_below(f"{key}.", child)


def _check_key(key: str, known: Sequence[str]) -> None:
    if key in SECTIONS:
        inside = next(name for name in known if name.startswith(f"{key}."))
        raise UserError(f"{key!r} is a group of settings: set one of them, such as {inside!r}")
    if key not in known:
        raise unknown_name("setting", key, known)


def _config_of(node: DictConfig) -> RunConfig:
    names = (setting.name for setting in dataclasses.fields(RunConfig))
    return RunConfig(**{name: _value_of(node, name) for name in names})


def _value_of(node: DictConfig, name: str) -> Any:
    """A plain value, or the instance that a group of settings describes."""
    with blaming("invalid settings", plainly=(TypeError, ValueError)):  # a plug-in's __post_init__
        try:
            part = node[name]
            return to_instance(part) if isinstance(part, DictConfig) else part
        except OmegaConfBaseException as error:
            raise _translated(error, []) from error


def _translated(error: OmegaConfBaseException, known: Sequence[str]) -> UserError:
    """One line from an error of OmegaConf."""
    key, first_line = error.full_key or "", str(error).splitlines()[0]
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        return unknown_name("setting", key, known)
    for pattern in _MISMATCHES:
        if mismatch := re.match(pattern, first_line):
            value, wanted = mismatch.groups()
            return UserError(f"{key}: {value!r} is not {_PLAIN_TYPES.get(wanted, wanted)}")
    if "is not Optional" in first_line or "missing mandatory value" in first_line.lower():
        return UserError(f"{key}: a value is required")
    return UserError(f"{key}: {first_line}" if key else first_line)
