"""One run to be made: its name and its configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.settings import WITHOUT_EFFECT
from bench.records import layer_label

Place = tuple[str, str, str]  # problem, size and layer, as text
UNPLANNED = "unplanned"  # the configuration of a run that only its record knows


@dataclass(frozen=True)
class RunSpec:
    """One run: a name for its folder, its plain configuration, the method's label.

    configuration: the hash of the configuration without its seed, made from it if it is not given;
    place: problem, size and layer as text, by name alone if it is not given.
    """

    run_id: str
    config: dict[str, Any]
    method: str
    configuration: str = ""
    place: Place = ("", "", "")

    def __post_init__(self) -> None:
        if not self.configuration:
            object.__setattr__(self, "configuration", configuration_hash(self.config))
        if not any(self.place):
            object.__setattr__(self, "place", _place(self.config))

    @property
    def is_planned(self) -> bool:
        """Whether a plan has its configuration, of which a record alone tells a part."""
        return self.configuration != UNPLANNED

    @property
    def config_hash(self) -> str:
        """12 hexadecimal digits that change with all that decides the numbers of the run."""
        return seeded_hash(self.configuration, self.config.get("seed"))

    @property
    def title(self) -> str:
        """`motion 32 degrad jfb seed 0`."""
        return " ".join([*filter(None, [*self.place, self.method]), f"seed {self.seed}"])

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.config.get("seed", 0))


def _place(config: Mapping[str, Any]) -> Place:
    """By the names alone; empty for what the configuration does not say."""
    problem = as_mapping(config.get("problem"))
    size = as_mapping(problem.get("parameters")).get("size", "")
    return chosen_name(config, "problem"), str(size), layer_of(config)


def configuration_hash(config: Mapping[str, Any]) -> str:
    """12 hexadecimal digits of the SHA-256 of what decides the numbers of a run, but the seed."""
    ignored = (*WITHOUT_EFFECT, "seed")
    decisive = {key: value for key, value in config.items() if key not in ignored}
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def seeded_hash(configuration: str, seed: object) -> str:
    """The hash of a configuration, given by its own hash, with this seed."""
    return hashlib.sha256(f"{configuration} {seed}".encode()).hexdigest()[:12]


def layer_of(config: Mapping[str, Any]) -> str:
    """The layer of a plain configuration, with its network where that is not the usual one."""
    return layer_label(chosen_name(config, "layer"), chosen_name(config, "network"))


def chosen_name(config: Mapping[str, Any], group: str) -> str:
    """What a plain configuration chooses of a group; "" if it does not say."""
    return str(as_mapping(config.get(group)).get("name", ""))


def as_mapping(value: object) -> Mapping[str, Any]:
    """The value, or an empty mapping in its place: a plan may be a stranger's."""
    return value if isinstance(value, Mapping) else {}
