"""From KEY=VALUE settings to one RunConfig, by Hydra's compose, with errors a user can mend.

Hydra's own messages propose `+key`, name its internal classes and run over several lines; here
each becomes one line that names the key, what is wrong with it and the nearest valid one.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from bench.config.settings import (
    DEFAULT_CHOICES,
    GROUPS,
    SECTIONS,
    RunConfig,
    validate,
    with_tuples,
    writable_schema,
)
from bench.errors import UserError, unknown_name

Section = TypeVar("Section")
_ROOT = "run_config"
_stored: dict[str, type[Any]] = {}  # what Hydra's store holds of ours
# OmegaConf's words for a value of the wrong type, and ours for the type.
_MISMATCHES = (
    r"Value '(.*)' of type '.*' could not be converted to (\w+)",
    r"Value '(.*)' is not a valid (\w+)",
)
_PLAIN_TYPES = {"Integer": "an int", "Float": "a float", "bool": "a bool (true or false)"}


@dataclass(frozen=True)
class Setting:
    """One parsed KEY=VALUE; `values` has several for a sweep such as `layer=degrad,deprox`."""

    key: str
    values: tuple[str, ...]  # as written, in Hydra's override grammar

    def overrides(self) -> list[str]:
        """One override for each value."""
        return [f"{self.key}={value}" for value in self.values]


def parse_setting(text: str) -> Setting:
    """Parse KEY=VALUE in Hydra's override grammar; raises UserError."""
    if "=" not in text:
        raise UserError(f"cannot read the setting {text!r}: settings are KEY=VALUE")
    try:
        override = OverridesParser.create().parse_override(text)
        values = tuple(_values_of(override))
    except HydraException as error:
        hint = "quote a value that holds special characters"
        raise UserError(f"cannot read the setting {text!r}: {hint}") from error
    if override.type is not OverrideType.CHANGE or override.package is not None:
        raise UserError(f"setting {text!r}: settings can be changed, not added or removed")
    return Setting(override.key_or_group, values)


def _values_of(override: Override) -> Iterator[str]:
    if override.is_sweep_override():
        yield from override.sweep_string_iterator()
    else:
        yield override.input_line.split("=", 1)[1] if override.input_line else ""


def compose_config(overrides: Sequence[str]) -> RunConfig:
    """A validated RunConfig; later overrides win, and `method=NAME` must be among them.

    `method`, `problem`, `layer` and `images` choose a registered class, every other key sets a
    value. Raises UserError for unknown keys and names, wrong types and values out of range.
    """
    settings = [_single(parse_setting(text)) for text in overrides]
    choices = _choices(settings)
    known = known_keys(choices)
    values = [setting for setting in settings if setting.key not in GROUPS]
    for setting in values:
        _check_key(setting.key, known)
    config = _compose(choices, [setting.overrides()[0] for setting in values], known)
    validate(config)
    return config


def compose_section(cls: type[Section], prefix: str, overrides: Iterable[str]) -> Section:
    """A settings dataclass from overrides of `prefix`.KEY; later ones win. Raises UserError."""
    known = [f"{prefix}.{item.name}" for item in dataclasses.fields(cls)]  # type: ignore[arg-type]
    node: Any = OmegaConf.create({prefix: writable_schema(cls)})
    for text in overrides:
        setting = _single(parse_setting(text))
        _check_key(setting.key, known)
        try:
            # As written, for the field's type to decide: an account may be 007, a partition yes.
            OmegaConf.update(node, setting.key, _unquoted(setting.values[0]))
        except OmegaConfBaseException as error:
            raise _translated(error, known) from error
    section = OmegaConf.to_object(node[prefix])
    assert isinstance(section, cls)
    return section


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _single(setting: Setting) -> Setting:
    if len(setting.values) != 1:
        values = ",".join(setting.values)
        raise UserError(f"{setting.key}={values}: several values cannot be given here")
    return setting


def _choices(settings: Iterable[Setting]) -> dict[str, str]:
    choices = {
        group: name for group, name in DEFAULT_CHOICES.items() if name in GROUPS[group].names()
    }
    for setting in settings:
        if setting.key in GROUPS:
            choices[setting.key] = GROUPS[setting.key].entry(setting.values[0]).name
    return choices


def known_keys(choices: dict[str, str]) -> list[str]:
    """Every dotted key that can be set when the groups are chosen like this."""
    keys = [item.name for item in dataclasses.fields(RunConfig) if item.name not in SECTIONS]
    classes = dict(SECTIONS) | {group: GROUPS[group].get(name) for group, name in choices.items()}
    for prefix, cls in classes.items():
        keys += _keys_below(prefix, writable_schema(cls))
    return keys


def _keys_below(prefix: str, schema: DictConfig) -> Iterator[str]:
    for name in map(str, schema):
        yield f"{prefix}.{name}"
        node = schema._get_node(name)
        if isinstance(node, DictConfig) and isinstance(node._content, dict):
            yield from _keys_below(f"{prefix}.{name}", node)


def _check_key(key: str, known: Sequence[str]) -> None:
    if key in SECTIONS:
        inside = next(name for name in known if name.startswith(f"{key}."))
        raise UserError(f"{key!r} is a group of settings: set one of them, such as {inside!r}")
    if key not in known:
        raise unknown_name("setting", key, known)


def _compose(choices: dict[str, str], values: list[str], known: Sequence[str]) -> RunConfig:
    _fill_config_store()
    overrides = [f"+{group}={name}" for group, name in choices.items()] + values
    try:
        with initialize(version_base=None, config_path=None):
            node = compose(_ROOT, overrides=overrides)
        return _to_config(node)
    except (HydraException, OmegaConfBaseException) as error:
        raise _translated(error, known) from error


def _to_config(node: DictConfig) -> RunConfig:
    try:
        config = OmegaConf.to_object(node)
    except (TypeError, ValueError) as error:  # from a plug-in's own __post_init__
        if isinstance(error, OmegaConfBaseException):
            raise
        raise UserError(f"settings refused: {error}") from error
    assert isinstance(config, RunConfig)
    chosen = {group: getattr(config, group) for group in GROUPS}
    return dataclasses.replace(
        config, **{name: with_tuples(choice) for name, choice in chosen.items() if choice}
    )


def _fill_config_store() -> None:
    """Bring Hydra's store up to date: plug-ins may have been registered since it was filled."""
    store = ConfigStore.instance()
    if _ROOT not in _stored:
        store.store(name=_ROOT, node=writable_schema(RunConfig))
        _stored[_ROOT] = RunConfig
    for group, registry in GROUPS.items():
        for name, cls in registry.items():
            if _stored.get(f"{group}/{name}") is not cls:
                store.store(group=group, name=name, node=writable_schema(cls))
                _stored[f"{group}/{name}"] = cls


def _translated(error: Exception, known: Sequence[str]) -> UserError:
    """One line from an error of Hydra, or of OmegaConf inside it."""
    cause: Any = error.__cause__ if error.__cause__ is not None else error
    key = getattr(cause, "full_key", None) or ""
    first_line = str(cause).splitlines()[0]
    if isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return unknown_name("setting", key, known)
    for pattern in _MISMATCHES:
        if mismatch := re.match(pattern, first_line):
            value, wanted = mismatch.groups()
            return UserError(f"{key}: {value!r} is not {_PLAIN_TYPES.get(wanted, wanted)}")
    if "is not Optional" in first_line or "missing mandatory value" in first_line:
        return UserError(f"{key}: a value is needed")
    return UserError(f"{key}: {first_line}" if key else first_line)
