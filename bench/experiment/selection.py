"""How the command line names methods, problems, layers, networks, sizes and seeds."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bench.config.overrides import SettingValues, parse_setting
from bench.config.sweeps import require_grid
from bench.errors import UserError, unknown_name
from bench.registry import METHODS, Registry

# Names that stand for several methods, and whether these are those of libraries.
METHOD_GROUPS = {"all": False, "libraries": True}


@dataclass(frozen=True)
class Choice:
    """A registered name and the parameters set for it in brackets, as KEY=VALUE."""

    name: str
    parameters: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """`phantom[steps=3]`, or the bare name."""
        return f"{self.name}[{','.join(self.parameters)}]" if self.parameters else self.name

    def settings(self, group: str) -> Iterator[str]:
        """`layer=degrad`, `layer.step_size=0.5`: the choice as settings of a group."""
        yield f"{group}={self.name}"
        yield from (f"{group}.{parameter}" for parameter in self.parameters)


def parse_methods(text: str, option: str = "--methods") -> list[Choice]:
    """`all`, or a comma list whose brackets sweep: `jfb,phantom[steps=1,3,damping=0.5]`.

    option: where the text was given, for the error if it is empty.
    """

    def members(group: str) -> Iterator[str]:
        for name, cls in METHODS.items():
            if bool(getattr(cls, "library", "")) == METHOD_GROUPS[group]:
                yield name

    return _choices(METHODS, text, option, {name: tuple(members(name)) for name in METHOD_GROUPS})


def parse_choices(registry: Registry, text: str, option: str = "") -> list[Choice]:
    """The same of layers or networks: `degrad[step_size=0.5,0.9],deprox`."""
    return _choices(registry, text, option or f"--{registry.kind}", {"all": registry.names()})


def _choices(
    registry: Registry, text: str, option: str, groups: Mapping[str, tuple[str, ...]]
) -> list[Choice]:
    choices: dict[Choice, None] = {}  # keeps the order and drops repetitions
    for entry in _split(text):
        match = re.fullmatch(r"([^\[\]]+?)\s*(?:\[(.*)\])?", entry, re.DOTALL)
        if match is None:
            raise UserError(
                f"cannot read the {registry.kind} {entry!r}: write name[parameter=value]"
            )
        name, inside = match.groups()
        if name in groups and inside is None:
            choices |= dict.fromkeys(map(Choice, groups[name]))
            continue
        if name not in registry.names():
            raise unknown_name(registry.kind, name, [*registry.names(), *groups])
        swept = [_parameter(registry, name, part) for part in _split_parameters(inside or "")]
        count = len(choices) + math.prod(len(setting.values) for setting in swept)
        require_grid(count, f"{registry.kind}s with their parameters")
        choices |= {Choice(name, parameters): None for parameters in sweep(swept)}
    if not choices:
        raise UserError(f"{option}: give at least one {registry.kind}")
    return list(choices)


def _parameter(registry: Registry, name: str, text: str) -> SettingValues:
    setting = parse_setting(text)
    known = registry.get(name).__dataclass_fields__
    if setting.key.split(".")[0] not in known:
        raise unknown_name(f"parameter of {name}", setting.key, known)
    return setting


def _split_parameters(inside: str) -> list[str]:
    """`steps=1,3,damping=0.5` into `steps=1,3` and `damping=0.5`."""
    parts: list[str] = []
    for piece in _split(inside):
        if parts and not re.match(r"[A-Za-z_][\w.]*\s*=", piece):
            parts[-1] += f",{piece}"
        else:
            parts.append(piece)
    return parts


def _split(text: str) -> list[str]:
    """The parts between commas that stand outside brackets and quotes, without empty ones."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character in "[({") - (character in "])}")
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    if depth or quote:
        raise UserError(f"cannot read {text!r}: a bracket or quote is not closed")
    return [part.strip() for part in parts if part.strip()]


def parse_names(registry: Registry, text: str) -> tuple[str, ...]:
    """`all`, or a comma list of the registered problems or layers."""
    names = dict.fromkeys(_split(text))
    if not names:
        raise UserError(f"--{registry.kind}: give at least one {registry.kind}")
    if "all" in names:
        return registry.names()
    return tuple(registry.entry(name).name for name in names)


def parse_sizes(text: str) -> tuple[int, ...]:
    """A comma list of sizes in pixels."""
    sizes = tuple(dict.fromkeys(_whole_number("--sizes", part) for part in _split(text)))
    if not sizes:
        raise UserError("--sizes: give at least one size")
    return sizes


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds 0 to N-1 for a number of seeds N."""
    return tuple(range(_whole_number("--seeds", text)))


def _whole_number(option: str, text: str) -> int:
    # Six digits: enough for any experiment, and no slip of the finger fills the memory.
    if not re.fullmatch(r"\d{1,6}", text.strip(), re.ASCII) or int(text) == 0:
        raise UserError(f"{option}: {text!r} is not a whole number greater than 0")
    return int(text)


def sweep(settings: Iterable[SettingValues]) -> Iterator[tuple[str, ...]]:
    """Every combination of the settings' values, each as a tuple of overrides."""
    each = ([f"{setting.key}={value}" for value in setting.values] for setting in settings)
    return itertools.product(*each)
