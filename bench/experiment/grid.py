"""From what the command line asks for to the list of runs, in the order in which they are made."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.config.overrides import compose_config, parse_setting
from bench.config.plain import to_plain
from bench.config.presets import Preset, get_preset
from bench.config.settings import ForwardConfig, RunConfig, validate
from bench.config.sweeps import require_grid
from bench.errors import UserError, blaming, unknown_name
from bench.experiment.names import named
from bench.experiment.selection import (
    Choice,
    parse_choices,
    parse_methods,
    parse_seeds,
    parse_sizes,
    sweep,
)
from bench.experiment.spec import RunSpec, configuration_hash, layer_of, seeded_hash
from bench.machine.device import resolve_device
from bench.registry import LAYERS, NETWORKS, PROBLEMS

Variant = tuple[str, ...]  # settings that all methods share
FAMILIES = ("gradient", "feedforward", "plug_and_play", "variational")

SIZE_KEY = "problem.size"
# Groups of which a grid takes several.
SWEPT = {"layer": LAYERS, "network": NETWORKS}
# Settings with an option of their own: given twice, one of the two would be silently ignored.
OPTION_OF = {
    "method": "--methods",
    "problem": "--problem",
    SIZE_KEY: "--sizes",
    "seed": "--seeds",
    "device": "--device",
    "callbacks": "--callbacks",
}


@dataclass(frozen=True)
class GridRequest:
    """What was asked for, as written on the command line; None is the preset's value."""

    methods: str = "all"
    problem: str = "motion"
    preset: str = "quick"
    sizes: str | None = None
    seeds: str | None = None
    layer: str | None = None
    network: str | None = None
    device: str = "auto"
    overrides: tuple[str, ...] = ()
    elsewhere: bool = False  # the runs are made on other machines, whose devices are not known here


def build_grid(request: GridRequest) -> list[RunSpec]:
    """Every run of the experiment, without repetition; raises UserError before any is started.

    The methods of one seed are adjacent, and their order is turned by one from seed to seed, so
    that a drift of the machine favours none of them. Seeds come last: those of one method are far
    apart in time, and a drift shows as a difference between them.
    """
    preset = get_preset(request.preset)
    methods = parse_methods(request.methods)
    problems = parse_choices(PROBLEMS, request.problem)
    sizes = parse_sizes(request.sizes) if request.sizes is not None else preset.sizes
    seeds = parse_seeds(request.seeds if request.seeds is not None else str(preset.seeds))
    variants = _variants([*preset.overrides, *_checked_overrides(request)], request)
    count = len(methods) * len(problems) * len(sizes) * len(seeds) * len(variants)
    require_grid(count, "runs in one experiment")
    workloads = _workloads(methods, problems, sizes, variants, preset)
    # Last: it may import torch, and errors come faster.
    device = request.device if request.elsewhere else resolve_device(request.device)
    device = device.split(":")[0]  # which of several GPUs makes a run is no part of what it is
    unseeded = [
        [_unseeded(method, replace(config, device=device)) for method, config in each]
        for each in workloads
    ]
    specs: dict[str, RunSpec] = {}
    for turn, seed in enumerate(seeds):
        for workload in unseeded:
            start = turn % len(workload)
            for one in (*workload[start:], *workload[:start]):
                spec = _seeded(one, seed)
                specs.setdefault(spec.config_hash, spec)
    return named(list(specs.values()))


def _workloads(
    methods: Sequence[Choice],
    problems: Sequence[Choice],
    sizes: Sequence[int],
    variants: Sequence[Variant],
    preset: Preset,
) -> list[list[tuple[Choice, RunConfig]]]:
    """For every size and problem, all methods in all variants.

    A method knows nothing of the problem: in a grid of thousands it is composed once, with the
    first problem, and so is each problem, with the first method.
    """

    def composed(method: Choice, problem: Choice, variant: Variant) -> RunConfig:
        settings = (setting for setting in variant if preset.concerns(problem.name, setting))
        shared = (f"{SIZE_KEY}={sizes[0]}", *settings, *problem.settings("problem"))
        return _config_of(method, shared, preset.methods.get(method.name, ()))

    configs = {
        (method, variant): composed(method, problems[0], variant)
        for method, variant in itertools.product(methods, variants)
    }
    posed = {
        (problem, variant): composed(methods[0], problem, variant).problem
        for problem, variant in itertools.product(problems, variants)
    }
    return [
        [
            (method, _with_problem(config, posed[problem, variant], size))
            for (method, variant), config in configs.items()
        ]
        for size, problem in itertools.product(sizes, problems)
    ]


def _with_problem(config: RunConfig, problem: Any, size: int) -> RunConfig:
    with blaming("invalid settings", plainly=(TypeError, ValueError)):  # a plug-in's __post_init__
        whole = replace(config, problem=replace(problem, size=size))
    validate(whole)
    return whole


def _config_of(method: Choice, shared: Sequence[str], preset: Sequence[str]) -> RunConfig:
    own = [f"method.{parameter}" for parameter in (*preset, *method.parameters)]
    config = compose_config([f"method={method.name}", *shared, *own])
    family = getattr(config.method, "family", "gradient")
    if family not in FAMILIES:
        raise unknown_name(f"family of the method {method.name!r}", family, FAMILIES)
    if family == "gradient":  # which alone has a layer and a forward solver
        return config
    # What a method does not use must not make two equal runs look different.
    return replace(config, layer=None, network=None, forward=ForwardConfig())


def _unseeded(method: Choice, config: RunConfig) -> RunSpec:
    """A run whose seed is still to be set, under the beginning of its name."""
    plain = to_plain(config)
    problem = plain["problem"]
    size = problem["parameters"].get("size", 0)
    words = [problem["name"], str(size), layer_of(plain) or "none", method.name]
    parameters = re.sub(r"[^A-Za-z0-9_.-]", "", "-".join(method.parameters).replace("=", "_"))[:40]
    words += [parameters] if parameters else []
    return RunSpec("-".join(words), plain, method.label, configuration_hash(plain))


def _seeded(spec: RunSpec, seed: int) -> RunSpec:
    # The hash tells runs apart; the rest is for the reader, and need not hold every parameter.
    own_hash = seeded_hash(spec.configuration, seed)[:8]
    run_id, config = f"{spec.run_id}-s{seed}-{own_hash}", {**spec.config, "seed": seed}
    return replace(spec, run_id=run_id, config=config)


def _checked_overrides(request: GridRequest) -> Iterator[str]:
    """The settings; UserError for one that has an option of its own."""
    for text in request.overrides:
        key = parse_setting(text).key
        if key in OPTION_OF:
            raise UserError(f"setting {text!r}: use {OPTION_OF[key]} instead")
        if key in SWEPT and getattr(request, key) is not None:
            raise UserError(f"setting {text!r} conflicts with --{key}: give only one of them")
        yield text


def _variants(overrides: Iterable[str], request: GridRequest) -> list[Variant]:
    """The settings once for each layer and network: the only sweeps outside brackets.

    The parameters in the brackets of --layer and --network win over the settings.
    """
    settings = [parse_setting(text) for text in overrides]
    for setting in settings:
        if len(setting.values) > 1 and setting.key not in SWEPT:
            raise UserError(
                f"{setting.key}={','.join(setting.values)}: only layers, networks and a method's "
                "own parameters (in brackets) take several values"
            )
    last_of_each_key = {setting.key: setting for setting in settings}
    chosen = [_chosen(request, key) for key in SWEPT]
    every = itertools.product(sweep(last_of_each_key.values()), *chosen)
    return [tuple(itertools.chain(*parts)) for parts in every]


def _chosen(request: GridRequest, key: str) -> list[Variant]:
    """The settings of each layer or network that was named; one without any if none was."""
    text = getattr(request, key)
    if text is None:
        return [()]
    return [tuple(choice.settings(key)) for choice in parse_choices(SWEPT[key], text)]
