"""`bench run`: the grid of methods, problems, sizes and seeds, then the report."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands._options import add_plugin_option
from bench.errors import UserError
from bench.presets import DEFAULT_PRESET, PRESETS
from bench.registry import load_all

if TYPE_CHECKING:
    from bench.grid import GridRequest, RunSpec

NOISE_PAIRS, FEWEST_PAIRS = 3, 2
USUAL_SIZE, SMALLEST_SIZE = 32, 16
ACCEPTS_SETTINGS = True
USAGE = "python -m bench run [OPTIONS] [KEY=VALUE ...]"
EPILOG = """\
settings:
  Any KEY=VALUE in Hydra's override grammar, such as train.steps=300, forward.tolerance=1e-4,
  layer=deprox, layer=degrad,deprox (both), images=folder images.path=photos or
  problem.noise_sigma=0.02. `python -m bench list` shows every name and parameter.

examples:
  python -m bench run --methods all --problem motion
  python -m bench run --methods 'jfb,phantom[steps=1,3,5]' --sizes 32,64 --seeds 3
  python -m bench run --methods mine --plugin mine.py --out results/mine train.steps=300

Exit status: 0 every run completed, 1 a run failed (its record says why), 2 a mistake in the
command, 130 interrupted.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `run`."""
    add = parser.add_argument
    add(
        "--methods",
        default="all",
        metavar="LIST",
        help="all, or a comma list; values in brackets sweep: 'phantom[steps=1,3,5]' (all)",
    )
    add("--problem", default="motion", metavar="LIST", help="all, or a comma list (motion)")
    add("--sizes", metavar="LIST", help="image sizes in pixels, such as 32,64 (the preset's)")
    add("--seeds", metavar="N", help="number of seeds, counted from 0 (the preset's)")
    add(
        "--preset",
        default=DEFAULT_PRESET,
        metavar="NAME",
        help=f"{' | '.join(PRESETS)} ({DEFAULT_PRESET})",
    )
    add("--device", default="auto", metavar="NAME", help="auto | cpu | cuda | cuda:N (auto)")
    add(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="results folder (results/PROBLEM-PRESET-TIME)",
    )
    add(
        "--noise-pairs",
        type=int,
        default=NOISE_PAIRS,
        metavar="N",
        help=f"pairs of runs that measure the noise floor before the grid; 0: none ({NOISE_PAIRS})",
    )
    add_plugin_option(parser)


def execute(arguments: argparse.Namespace, command_line: Sequence[str]) -> int:
    """Run the grid and write its report; 1 if any run failed."""
    if arguments.noise_pairs != 0 and arguments.noise_pairs < FEWEST_PAIRS:
        raise UserError(f"--noise-pairs {arguments.noise_pairs}: 0, or at least {FEWEST_PAIRS}")
    for warning in load_all(arguments.plugin):
        print(f"bench run: warning: {warning}", file=sys.stderr)
    from bench.grid import build_grid
    from bench.preflight import check_images
    from bench.results_folder import default_folder, prepare_folder

    request = _request(arguments)
    specs = build_grid(request)
    check_images(specs)
    folder = arguments.out or default_folder(arguments.problem, arguments.preset)
    described = {
        "command_line": f"python -m bench {shlex.join(command_line)}",
        "request": asdict(request),
        "plugins": list(arguments.plugin),
    }
    prepare_folder(folder, specs, described)
    from bench.runner import all_finished, run_grid

    if not all_finished(specs, folder):
        _warn_of_the_machine(specs)
        _note_noise_floor(specs, folder, arguments.noise_pairs)
    failed = run_grid(specs, folder)
    return _report(folder, failed)


def _warn_of_the_machine(specs: Sequence[RunSpec]) -> None:
    from bench.health import WARNING, findings, read_machine

    for each in findings(read_machine(int(specs[0].config["num_threads"]))):
        if each.level == WARNING:
            print(
                f"bench run: warning: {each.subject}: {each.read}: {each.advice}", file=sys.stderr
            )


def _note_noise_floor(specs: Sequence[RunSpec], folder: Path, pairs: int) -> None:
    """Measure the floor unless it is known already; an experiment without one is still good."""
    from bench.noise import measure_noise_floor
    from bench.records import read_experiment
    from bench.results_folder import EXPERIMENT_FILE, note_in_experiment

    if pairs == 0 or "noise_floor" in read_experiment(folder / EXPERIMENT_FILE):
        return
    config = specs[0].config
    print(f"measuring the noise floor in {pairs} pairs of runs", file=sys.stderr)
    try:
        floor = measure_noise_floor(
            str(config["device"]), int(config["num_threads"]), _smallest_size(specs), pairs
        )
    except UserError as error:
        print(f"bench run: warning: no noise floor: {error}", file=sys.stderr)
        return
    print(f"noise floor: {100 * floor.relative:.1f} % between two runs", file=sys.stderr)
    note_in_experiment(folder, "noise_floor", floor.as_mapping())


def _smallest_size(specs: Sequence[RunSpec]) -> int:
    sizes = [spec.config["problem"]["parameters"].get("size", USUAL_SIZE) for spec in specs]
    return max(int(min(sizes)), SMALLEST_SIZE)


def _request(arguments: argparse.Namespace) -> GridRequest:
    from bench.grid import GridRequest

    return GridRequest(
        methods=arguments.methods,
        problem=arguments.problem,
        preset=arguments.preset,
        sizes=arguments.sizes,
        seeds=arguments.seeds,
        device=arguments.device,
        overrides=arguments.overrides,
    )


def _report(folder: Path, failed: int) -> int:
    from reports.report import write_report

    result = write_report(folder)
    print(result.terminal)
    print(f"results: {folder}")
    print(f"report:  {result.folder}")
    for message in result.damaged:
        print(f"bench run: damaged record: {message}", file=sys.stderr)
    if failed:
        print(f"bench run: {failed} of the runs failed, see the report", file=sys.stderr)
    return 1 if failed or result.damaged else 0
