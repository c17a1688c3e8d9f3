"""`bench gradients`: how near each method's gradient is to the true one, and at what cost."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands._options import add_plugin_option
from bench.errors import UserError, unknown_name
from bench.registry import LAYERS, load_all

if TYPE_CHECKING:
    from bench.experiment.grid import GridRequest
    from bench.fidelity.study import Study

ACCEPTS_SETTINGS = True
USAGE = "python -m bench gradients [OPTIONS] [KEY=VALUE ...]"
DEFAULT_TOLERANCES = "1e-1,1e-2,1e-3,1e-4,1e-5"
STATES = ("initial", "trained")
TRAINING = "train.steps=100"  # of the short training, unless the user says otherwise
EPILOG = """\
Each method is compared with a reference gradient in double precision, at the same weights and
images. A method that can spend more (steps, terms, iterations) is swept over budgets of its own
when it is named without brackets. Trained weights come from a short JFB training at 32 pixels
(train.steps=100), kept in the cache. docs/gradients.md explains the measurements.

settings:
  Any KEY=VALUE in Hydra's override grammar, such as forward.solver=broyden, train.batch_size=4,
  problem.noise_sigma=0.02 or images=folder images.path=photos.

examples:
  python -m bench gradients
  python -m bench gradients --methods 'jfb,ift[solver=gmres,bicgstab]' --layer degrad,deprox
  python -m bench gradients --methods libraries --sizes 16,32,64,128,256 --states trained
  python -m bench gradients --methods jfb,mine --plugin mine.py --out results/mine

Exit status: 0 everything was measured, 1 a measurement failed (its row says why), 2 a mistake in
the command, 130 interrupted (what was measured is kept; the same command continues).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `gradients`."""
    add = parser.add_argument
    add(
        "--methods",
        default="all",
        metavar="LIST",
        help="all, libraries or a comma list; values in brackets sweep: 'phantom[steps=1,3,5]' "
        "(all: every gradient method)",
    )
    add("--problem", default="motion", metavar="LIST", help="all, or a comma list (motion)")
    add("--sizes", default="32", metavar="LIST", help="image sizes in pixels, such as 16,32 (32)")
    add("--layer", metavar="LIST", help="all, or a comma list (degrad)")
    add("--seeds", default="1", metavar="N", help="number of seeds, counted from 0 (1)")
    add("--states", default=",".join(STATES), metavar="LIST", help="of the weights (both)")
    add(
        "--tolerances",
        default=DEFAULT_TOLERANCES,
        metavar="LIST",
        help=f"of the forward solve ({DEFAULT_TOLERANCES})",
    )
    add("--device", default="auto", metavar="NAME", help="auto | cpu | cuda | cuda:N (auto)")
    add(
        "--out", type=Path, metavar="FOLDER", help="results folder (results/gradients-PROBLEM-TIME)"
    )
    add_plugin_option(parser)


def execute(arguments: argparse.Namespace, command_line: Sequence[str]) -> int:
    """Measure, then write the report; 1 if a measurement failed."""
    tolerances, states = _tolerances(arguments.tolerances), _states(arguments.states)
    for warning in load_all(arguments.plugin):
        print(f"bench gradients: warning: {warning}", file=sys.stderr)
    from bench.experiment.grid import build_grid
    from bench.experiment.preflight import check_images
    from bench.fidelity.progress import StudyProgress
    from bench.fidelity.study import Study, chosen_methods, run_study, swept_by_default

    choices = chosen_methods(arguments.methods)
    request = _request(arguments, ",".join(choice.label for choice in choices))
    study = Study(build_grid(request), states, tolerances)
    check_images(study.specs)
    described = {
        "command_line": f"python -m bench {shlex.join(command_line)}",
        "request": asdict(request) | {"methods": arguments.methods},
        "plugins": list(arguments.plugin),
    }
    budgets = swept_by_default(arguments.methods, choices)
    folder = _claimed_folder(arguments, study, described, budgets)
    with StudyProgress(len(study.specs) * len(states)) as progress:
        failed = run_study(study, folder, progress)
    return _report(folder, failed)


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
        raise UserError("--states: no state is given")
    return tuple(state for state in STATES if state in given)


def _request(arguments: argparse.Namespace, methods: str) -> GridRequest:
    from bench.experiment.grid import GridRequest

    return GridRequest(
        methods=methods,
        problem=arguments.problem,
        sizes=arguments.sizes,
        seeds=arguments.seeds,
        device=arguments.device,
        overrides=(TRAINING, *_layers(arguments), *arguments.overrides),
    )


def _layers(arguments: argparse.Namespace) -> tuple[str, ...]:
    for text in arguments.overrides:
        key = text.split("=")[0].strip()
        if key == "forward.tolerance":
            raise UserError(f"setting {text!r}: use --tolerances instead")
        if key == "layer" and arguments.layer is not None:
            raise UserError(f"setting {text!r}: --layer is given too")
    if arguments.layer is None:
        return ()
    names = [part.strip() for part in arguments.layer.split(",") if part.strip()]
    if not names:
        raise UserError("--layer: no layer is given")
    chosen = LAYERS.names() if "all" in names else [LAYERS.entry(name).name for name in names]
    return (f"layer={','.join(dict.fromkeys(chosen))}",)


def _claimed_folder(
    arguments: argparse.Namespace, study: Study, described: dict[str, Any], budgets: dict[str, Any]
) -> Path:
    from bench.experiment.folder import claim_folder, default_folder
    from bench.fidelity.study import describe_study, study_hash

    folder: Path = arguments.out or default_folder("gradients", arguments.problem)
    claim_folder(folder, study_hash(study), described, describe_study(study, budgets))
    return folder


def _report(folder: Path, failed: int) -> int:
    from reports.report import write_report

    result = write_report(folder)
    print(result.terminal)
    print(f"results: {folder}")
    print(f"report:  {result.folder}")
    for message in result.damaged:
        print(f"bench gradients: damaged record: {message}", file=sys.stderr)
    if failed:
        print(f"bench gradients: {failed} measurements failed, see the report", file=sys.stderr)
    return 1 if failed or result.damaged else 0
