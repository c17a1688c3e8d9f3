"""The settings of one run: their defaults, their ranges, and their plain form for storage.

The parameters of the method, problem, layer and image source live in the registered dataclasses;
everything that they share is here. `bench.config.overrides` makes a RunConfig from settings.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.errors import UserError, unknown_name
from bench.registry import IMAGES, LAYERS, METHODS, PROBLEMS, Registry

GROUPS: dict[str, Registry] = {
    "method": METHODS,
    "problem": PROBLEMS,
    "layer": LAYERS,
    "images": IMAGES,
}
DEFAULT_CHOICES = {"problem": "motion", "layer": "degrad", "images": "natural"}

FORWARD_SOLVERS = ("anderson", "broyden", "fixed_point")
LOSSES = ("psnr", "mse")
SMALLEST_SIZE, LARGEST_SIZE = 16, 512
SMALLEST_VALUES = {
    "forward.max_iterations": 1,
    "forward.memory": 1,
    "train.steps": 1,
    "train.batch_size": 1,
    "train.evaluate_every": 1,
    "train.evaluate_growth": 0,
    "train.crops": 1,
    "evaluate.images": 1,
    "evaluate.samples": 0,
    "seed": 0,
    "num_threads": 1,
    "timeout_seconds": 0,
    "memory_limit_gib": 0,
    "checkpoint_every_seconds": 0,
}
# They decide whether a run gets to its end, and nothing that is measured: with another value, a
# finished run is the same run.
WITHOUT_EFFECT = ("timeout_seconds", "memory_limit_gib", "checkpoint_every_seconds")
ABOVE_ZERO = ("forward.tolerance", "train.learning_rate")


@dataclass(frozen=True)
class ForwardConfig:
    """How the fixed point is found: the same for every gradient method."""

    solver: str = "anderson"
    tolerance: float = 1e-4  # of the relative residual |T(z) - z| / |T(z)|
    max_iterations: int = 100
    memory: int = 5  # past iterates that Anderson acceleration keeps


@dataclass(frozen=True)
class TrainConfig:
    """How every trained method is trained."""

    steps: int = 300
    batch_size: int = 8
    learning_rate: float = 5e-3  # of Adam, at the top of a one-cycle schedule
    loss: str = "psnr"  # mean of -PSNR over the samples, or "mse"
    evaluate_every: int = 2  # steps between two points of the curve, at least
    evaluate_growth: float = 0.045  # the gap grows to this fraction of the step
    crops: int = 512  # training crops


@dataclass(frozen=True)
class EvaluateConfig:
    """What every method is judged on."""

    images: int = 16  # test crops
    samples: int = 3  # of them, kept for the gallery


@dataclass(frozen=True)
class RunConfig:
    """All that decides one run. `layer` is None for methods that have no layer."""

    method: Any = None
    problem: Any = None
    layer: Any = None
    images: Any = None
    forward: ForwardConfig = field(default_factory=ForwardConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    seed: int = 0
    device: str = "auto"
    num_threads: int = 1
    timeout_seconds: float = 0.0  # 0: no limit
    memory_limit_gib: float = 0.0  # of the run's process; 0: no limit
    checkpoint_every_seconds: float = 0.0  # between two checkpoints of a training; 0: none
    memory_pass: bool = True  # peak memory, also against forward iterations
    reconstruction_pass: bool = True  # quality and time against the iterations of one image


SECTIONS = {"forward": ForwardConfig, "train": TrainConfig, "evaluate": EvaluateConfig}


def validate(config: RunConfig) -> None:
    """Check every range; raises UserError that names the setting and what it may be."""
    for key, smallest in SMALLEST_VALUES.items():
        if not _finite(config, key) >= smallest:
            raise UserError(f"{key}={_value(config, key)}: must be at least {smallest}")
    for key in ABOVE_ZERO:
        if not _finite(config, key) > 0:
            raise UserError(f"{key}={_value(config, key)}: must be greater than 0")
    if config.forward.solver not in FORWARD_SOLVERS:
        raise unknown_name("forward.solver", config.forward.solver, FORWARD_SOLVERS)
    if config.train.loss not in LOSSES:
        raise unknown_name("train.loss", config.train.loss, LOSSES)
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", config.device):
        raise unknown_name("device", config.device, ("auto", "cpu", "cuda"))
    _validate_size(config.problem)
    for group in GROUPS:
        _validate_own(group, getattr(config, group))


def _value(config: RunConfig, key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _finite(config: RunConfig, key: str) -> float:
    value = float(_value(config, key))
    if not math.isfinite(value):
        raise UserError(f"{key}={value}: must be a finite number")
    return value


def _validate_size(problem: Any) -> None:
    # A problem of a plug-in may fix its own size, or have no kernel.
    size, kernel_size = getattr(problem, "size", None), getattr(problem, "kernel_size", None)
    if size is None:
        return
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise UserError(f"size {size}: must be from {SMALLEST_SIZE} to {LARGEST_SIZE} pixels")
    if kernel_size is not None and size < kernel_size:
        raise UserError(f"size {size} is smaller than the blur kernel ({kernel_size} pixels)")


def _validate_own(group: str, instance: Any) -> None:
    check = getattr(instance, "validate", None)
    if check is None:
        return
    try:
        check()
    except ValueError as error:
        raise UserError(f"{group} {GROUPS[group].name_of(instance)!r}: {error}") from error


def to_plain(config: RunConfig) -> dict[str, Any]:
    """The configuration as dictionaries, lists, text and numbers, for JSON or YAML."""
    plain: dict[str, Any] = {}
    for setting in dataclasses.fields(config):
        value = getattr(config, setting.name)
        if setting.name in GROUPS:
            plain[setting.name] = _plain_choice(GROUPS[setting.name], value)
        else:
            plain[setting.name] = dataclasses.asdict(value) if setting.name in SECTIONS else value
    return plain


def _plain_choice(registry: Registry, instance: Any) -> dict[str, Any] | None:
    if instance is None:
        return None
    return {"name": registry.name_of(instance), "parameters": parameters_of(instance)}


def parameters_of(instance: Any) -> dict[str, Any]:
    """The parameters of a registered dataclass in plain form (enumerations by name)."""
    try:
        return dict(_hashable_parameters(instance))
    except TypeError:  # a plug-in's need not be hashable
        return _parameters(instance)


@lru_cache(maxsize=1024)
def _hashable_parameters(instance: Any) -> dict[str, Any]:
    return _parameters(instance)


def _parameters(instance: Any) -> dict[str, Any]:
    from omegaconf import OmegaConf

    container = OmegaConf.to_container(OmegaConf.structured(instance), enum_to_str=True)
    return {str(key): _plain_value(value) for key, value in typing.cast(Any, container).items()}


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
        if values.get(group) is not None:
            values[group] = _from_plain_choice(registry, values[group])
    for section, cls in SECTIONS.items():
        if section in values:
            values[section] = _instance(cls, values[section], section)
    return RunConfig(**values)


def _from_plain_choice(registry: Registry, choice: Mapping[str, Any]) -> Any:
    return _instance(registry.get(choice["name"]), choice["parameters"], registry.kind)


def _instance(cls: type[Any], parameters: Mapping[str, Any], what: str) -> Any:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        node = OmegaConf.merge(writable_schema(cls), dict(parameters))
        return with_tuples(OmegaConf.to_object(node))
    except OmegaConfBaseException as error:
        raise UserError(f"{what}: {str(error).splitlines()[0]}") from error


def writable_schema(cls: type[Any]) -> Any:
    """The OmegaConf schema of a dataclass; frozen ones would otherwise refuse every override."""
    from omegaconf import OmegaConf

    schema = OmegaConf.structured(cls)
    _make_writable(schema)
    return schema


def _make_writable(node: Any) -> None:
    from omegaconf import DictConfig, OmegaConf

    OmegaConf.set_readonly(node, None)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            _make_writable(child)


def with_tuples(instance: Any) -> Any:
    """Give tuples back to fields that ask for them: OmegaConf keeps only lists."""
    hints = typing.get_type_hints(type(instance))
    changed = {
        item.name: tuple(getattr(instance, item.name))
        for item in dataclasses.fields(instance)
        if typing.get_origin(hints[item.name]) is tuple
        and isinstance(getattr(instance, item.name), list)
    }
    return dataclasses.replace(instance, **changed) if changed else instance
