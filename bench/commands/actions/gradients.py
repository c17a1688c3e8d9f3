"""Measures how near each method's gradient is to the true one, then writes the report."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from pathlib import Path

from bench.commands.actions._shared import described, fill_from, load_plugins, show_report, warn
from bench.commands.gradients import DEFAULT_TOLERANCES, STATES
from bench.config.presets import DEFAULT_PRESET, USUAL_OPTIONS, get_preset
from bench.errors import UserError, blaming, counted, unknown_name
from bench.experiment.folder import claim_folder, default_folder
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.preflight import check_images
from bench.fidelity.methods import chosen_methods, swept_by_default
from bench.fidelity.progress import StudyProgress

# What the options are where neither the command nor a preset says it.
USUAL = {
    **USUAL_OPTIONS,
    "sizes": "32",
    "seeds": "1",
    "states": ",".join(STATES),
    "tolerances": DEFAULT_TOLERANCES,
}
TRAINING = "train.steps=100"  # of the short training, unless the user says otherwise


def execute(arguments: argparse.Namespace) -> int:
    """Measure, then write the report; 1 if a measurement failed."""
    _fill(arguments)
    tolerances, states = _tolerances(arguments.tolerances), _states(arguments.states)
    load_plugins("gradients", arguments.plugin)
    choices = chosen_methods(arguments.methods)
    request = _request(arguments, ",".join(choice.label for choice in choices))
    specs = build_grid(request)
    # It imports torch: errors come faster without it.
    from bench.fidelity.study import Study, describe_study, run_study, study_hash

    study = Study(specs, states, tolerances)
    with blaming("images"):
        check_images(study.specs)
    request_as_given = described(arguments, asdict(request) | {"methods": arguments.methods})
    folder: Path = arguments.out or default_folder("gradients", arguments.problem)
    budgets = swept_by_default(arguments.methods, choices)
    claim_folder(folder, study_hash(study), request_as_given, describe_study(study, budgets))
    with StudyProgress(len(study.specs) * len(states)) as progress:
        failed = run_study(study, folder, progress)
    return _report(folder, failed)


def _fill(arguments: argparse.Namespace) -> None:
    """What is not given is the preset's, or else what `--help` says."""
    if arguments.preset is not None:
        preset = get_preset(arguments.preset)
        arguments.sizes = arguments.sizes or ",".join(map(str, preset.sizes))
        arguments.seeds = arguments.seeds or str(preset.seeds)
        fill_from(preset, arguments, (*USUAL, "layer", "network"))
    for name, usual in USUAL.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, usual)


def _tolerances(text: str) -> tuple[float, ...]:
    """From loose to tight, so that the first is the quickest."""
    try:
        values = {float(part) for part in text.split(",") if part.strip()}
    except ValueError:
        values = set()
    if not values or not all(math.isfinite(value) and value > 0 for value in values):
        raise UserError(f"--tolerances: {text!r} is not a list of numbers greater than 0")
    return tuple(sorted(values, reverse=True))


def _states(text: str) -> tuple[str, ...]:
    given = [part.strip() for part in text.split(",") if part.strip()]
    for name in given:
        if name not in STATES:
            raise unknown_name("state", name, STATES)
    if not given:
        raise UserError("--states: give at least one state")
    return tuple(state for state in STATES if state in given)


def _request(arguments: argparse.Namespace, methods: str) -> GridRequest:
    for text in arguments.overrides:
        if text.split("=")[0].strip() == "forward.tolerance":
            raise UserError(f"setting {text!r}: use --tolerances instead")
    return GridRequest(
        methods=methods,
        problem=arguments.problem,
        preset=arguments.preset or DEFAULT_PRESET,
        sizes=arguments.sizes,
        seeds=arguments.seeds,
        device=arguments.device,
        layer=arguments.layer,
        network=arguments.network,
        overrides=(TRAINING, *arguments.overrides),
    )


def _report(folder: Path, failed: int) -> int:
    damaged = show_report("gradients", folder)
    print(f"results: {folder}")
    if failed:
        warn("gradients", f"{counted(failed, 'measurement')} failed; see the report")
    return 1 if failed or damaged else 0
