"""From what the command line asks for to the list of runs, in the order in which they are run."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.config.overrides import compose_config, parse_setting
from bench.config.presets import get_preset
from bench.config.settings import WITHOUT_EFFECT, ForwardConfig, RunConfig, to_plain, validate
from bench.errors import UserError, unknown_name
from bench.experiment.selection import (
    MethodChoice,
    parse_methods,
    parse_problems,
    parse_seeds,
    parse_sizes,
    sweep,
)
from bench.machine.device import device_kind, resolve_device
from bench.registry import METHODS

Choice = tuple[MethodChoice, RunConfig]
FAMILIES = ("gradient", "feedforward", "plug_and_play", "variational")

SIZE_KEY = "problem.size"
# Settings with an option of their own: given twice, one of the two would be silently ignored.
OPTION_OF = {
    "method": "--methods",
    "problem": "--problem",
    SIZE_KEY: "--sizes",
    "seed": "--seeds",
    "device": "--device",
}


@dataclass(frozen=True)
class GridRequest:
    """What was asked for, as written on the command line; None is the preset's value."""

    methods: str = "all"
    problem: str = "motion"
    preset: str = "quick"
    sizes: str | None = None
    seeds: str | None = None
    device: str = "auto"
    overrides: tuple[str, ...] = ()
    elsewhere: bool = False  # the runs are made on other machines, whose devices are not known here


@dataclass(frozen=True)
class _Planned:
    """A configuration whose seeds are to be run, and the beginning of their names."""

    label: str
    plain: dict[str, Any]
    configuration: str
    words: str


@dataclass(frozen=True)
class RunSpec:
    """One run to be made: a name for its folder, its plain configuration, the method's label.

    configuration: the hash of the configuration without its seed, made from it if it is not given.
    """

    run_id: str
    config: dict[str, Any]
    method: str
    configuration: str = ""

    def __post_init__(self) -> None:
        if not self.configuration:
            object.__setattr__(self, "configuration", configuration_hash(self.config))

    @property
    def config_hash(self) -> str:
        """12 hexadecimal digits that change with all that decides the numbers of the run."""
        return _with_seed(self.configuration, self.config.get("seed"))


def configuration_hash(config: Mapping[str, Any]) -> str:
    """12 hexadecimal digits of the SHA-256 of what decides the numbers of a run, but the seed."""
    ignored = (*WITHOUT_EFFECT, "seed")
    decisive = {key: value for key, value in config.items() if key not in ignored}
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _with_seed(configuration: str, seed: object) -> str:
    return hashlib.sha256(f"{configuration} {seed}".encode()).hexdigest()[:12]


def build_grid(request: GridRequest) -> list[RunSpec]:
    """Every run of the experiment, without repetition; raises UserError before any is started.

    The methods of one seed are adjacent, and their order is turned by one from seed to seed, so
    that a drift of the machine favours none of them. Seeds come last: those of one method are far
    apart in time, and a drift shows as a difference between them.
    """
    preset = get_preset(request.preset)
    methods = parse_methods(request.methods)
    problems = parse_problems(request.problem)
    sizes = parse_sizes(request.sizes) if request.sizes is not None else preset.sizes
    seeds = parse_seeds(request.seeds if request.seeds is not None else str(preset.seeds))
    variants = _variants([*preset.overrides, *_checked_overrides(request.overrides)])
    workloads = _workloads(methods, problems, sizes, variants, preset.methods)
    # Last: it may import torch, and errors come faster.
    device = request.device if request.elsewhere else resolve_device(request.device)
    planned = [
        [_planned(method, replace(config, device=device_kind(device))) for method, config in each]
        for each in workloads
    ]
    specs: dict[str, RunSpec] = {}
    for turn, seed in enumerate(seeds):
        for one in itertools.chain.from_iterable(_turned(each, turn) for each in planned):
            spec = _spec(one, seed)
            specs.setdefault(spec.config_hash, spec)
    return list(specs.values())


def _turned(workload: Sequence[_Planned], turn: int) -> Sequence[_Planned]:
    start = turn % len(workload)
    return [*workload[start:], *workload[:start]]


def _workloads(
    methods: Sequence[MethodChoice],
    problems: Sequence[str],
    sizes: Sequence[int],
    variants: Sequence[tuple[str, ...]],
    preset: Mapping[str, tuple[str, ...]],
) -> list[list[Choice]]:
    """For every size and problem, all methods in all variants.

    Composing takes far longer than the rest, and a method knows nothing of the problem: each is
    composed once, with the first of the other kind.
    """
    posed = {
        (problem, variant): compose_config(
            [f"method={methods[0].name}", f"problem={problem}", *_sized(sizes[0], variant)]
        ).problem
        for problem, variant in itertools.product(problems, variants)
    }
    configs = {
        (method, variant): _config_of(
            method,
            [f"problem={problems[0]}", *_sized(sizes[0], variant)],
            preset.get(method.name, ()),
        )
        for method, variant in itertools.product(methods, variants)
    }
    return [
        [
            (method, _with_problem(config, posed[problem, variant], size))
            for (method, variant), config in configs.items()
        ]
        for size, problem in itertools.product(sizes, problems)
    ]


def _sized(size: int, variant: tuple[str, ...]) -> list[str]:
    return [f"{SIZE_KEY}={size}", *variant]


def _with_problem(config: RunConfig, problem: Any, size: int) -> RunConfig:
    whole = replace(config, problem=replace(problem, size=size))
    validate(whole)
    return whole


def _config_of(method: MethodChoice, overrides: Sequence[str], preset: Sequence[str]) -> RunConfig:
    own = [f"method.{parameter}" for parameter in (*preset, *method.parameters)]
    config = compose_config([f"method={method.name}", *overrides, *own])
    if uses_layer(config.method):
        return config
    # What a method does not use must not make two equal runs look different.
    return replace(config, layer=None, forward=ForwardConfig())


def uses_layer(method: Any) -> bool:
    """Whether a method is a gradient method, which alone have a layer and a forward solver."""
    family = getattr(method, "family", "gradient")
    if family not in FAMILIES:
        raise unknown_name(f"family of the method {METHODS.name_of(method)!r}", family, FAMILIES)
    return bool(family == "gradient")


def _planned(method: MethodChoice, config: RunConfig) -> _Planned:
    plain = to_plain(config)
    problem, layer = plain["problem"], plain["layer"]
    size = problem["parameters"].get("size", 0)
    words = [problem["name"], str(size), layer["name"] if layer else "none", method.name]
    parameters = _safe("-".join(method.parameters))[:40]
    words += [parameters] if parameters else []
    return _Planned(method.label, plain, configuration_hash(plain), "-".join(words))


def _spec(planned: _Planned, seed: int) -> RunSpec:
    # The hash tells runs apart; the rest is for the reader, and need not hold every parameter.
    own_hash = _with_seed(planned.configuration, seed)[:8]
    return RunSpec(
        f"{planned.words}-s{seed}-{own_hash}",
        {**planned.plain, "seed": seed},
        planned.label,
        planned.configuration,
    )


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "", text.replace("=", "_"))


def _checked_overrides(overrides: Iterable[str]) -> tuple[str, ...]:
    checked = tuple(overrides)
    for text in checked:
        key = parse_setting(text).key
        if key in OPTION_OF:
            raise UserError(f"setting {text!r}: use {OPTION_OF[key]} instead")
    return checked


def _variants(overrides: Iterable[str]) -> list[tuple[str, ...]]:
    """The settings once for each layer: `layer=degrad,deprox` is the one sweep outside brackets."""
    settings = [parse_setting(text) for text in overrides]
    for setting in settings:
        if len(setting.values) > 1 and setting.key != "layer":
            raise UserError(
                f"{setting.key}={','.join(setting.values)}: only layers and a method's own "
                "parameters (in brackets) take several values"
            )
    last_of_each_key = {setting.key: setting for setting in settings}
    return list(sweep(last_of_each_key.values()))
