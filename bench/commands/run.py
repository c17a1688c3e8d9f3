"""`bench run`: the grid of methods, problems, sizes and seeds, then the report."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands._garbage import collector_paused
from bench.commands._options import add_plugin_option
from bench.config.presets import DEFAULT_PRESET, PRESETS
from bench.errors import UserError, printable
from bench.registry import load_all

if TYPE_CHECKING:
    from bench.execution.grid_runner import GridOutcome
    from bench.execution.slots import Slot
    from bench.execution.slurm.cluster import SlurmSettings
    from bench.experiment.grid import GridRequest, RunSpec
    from bench.experiment.state import RunState, State

NOISE_PAIRS, FEWEST_PAIRS = 3, 2
ACCEPTS_SETTINGS = True
USAGE = "python -m bench run [OPTIONS] [KEY=VALUE ...]"
EPILOG = """\
settings:
  Any KEY=VALUE in Hydra's override grammar, such as train.steps=300, forward.tolerance=1e-4,
  layer=deprox, layer=degrad,deprox (both), images=folder images.path=photos or
  problem.noise_sigma=0.02. `python -m bench list` shows every name and parameter.

slurm:
  With --launcher slurm the runs are submitted and the command ends; `python -m bench status FOLDER`
  follows them. slurm.partition, slurm.gpus, slurm.cpus, slurm.memory_gib, slurm.minutes (of a run),
  slurm.parallelism (runs at a time), slurm.account, slurm.qos and slurm.constraint say what each
  run asks for. No noise floor is measured.

examples:
  python -m bench run --methods all --problem motion
  python -m bench run --methods 'jfb,phantom[steps=1,3,5]' --sizes 32,64 --seeds 3
  python -m bench run --methods mine --plugin mine.py --out results/mine train.steps=300
  python -m bench run --launcher slurm slurm.partition=gpu slurm.gpus=1 --out results/mine

The same command again continues: runs that have ended are kept, those that a change of code, of
library versions or of settings made stale are made again, what they replace is moved to superseded/
in the results folder. Without --out, the newest folder of the same experiment that lacks a run is
continued. Several commands may share a folder: each run is made by one of them.

Exit status: 0 every run completed, 1 a run failed (its record says why), 2 a mistake in the
command, 130 interrupted, 143 terminated.
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
    add(
        "--jobs",
        type=int,
        metavar="N",
        help="runs at a time, on cores or GPUs of their own (1, or one for each GPU)",
    )
    add(
        "--launcher",
        choices=("local", "slurm"),
        default="local",
        help="here, or as a job array on a Slurm cluster (local)",
    )
    add("--wait", action="store_true", help="with slurm: wait for the jobs, then report")
    add("--retry", choices=("failed",), help="make the runs again that failed")
    add("--dry-run", action="store_true", help="say what is done, stale and missing; run nothing")
    add("--no-report", action="store_true", help="write records only; `report` reads them")
    add_plugin_option(parser)


def execute(arguments: argparse.Namespace, command_line: Sequence[str]) -> int:
    """Run the grid and write its report; 1 if any run failed."""
    _check_numbers(arguments)
    cluster = _slurm_settings(arguments)
    for warning in load_all(arguments.plugin):
        print(f"bench run: warning: {warning}", file=sys.stderr)
    from bench.experiment.folder import merged_plan, prepare_folder
    from bench.experiment.grid import build_grid
    from bench.experiment.preflight import check_images
    from bench.experiment.state import states_of

    request = _request(arguments, cluster)
    with collector_paused():
        specs = build_grid(request)
    folder = arguments.out or _folder(arguments, specs)
    merged_plan(folder, specs)  # refuses a folder that cannot be used, before anything is made
    if arguments.dry_run:
        with collector_paused():
            queue = _queue(folder) if cluster else {}
            return _say_plan(states_of(specs, folder), folder, _retry(arguments), queue)
    check_images(specs)
    slots = [] if cluster else _slots(arguments, specs)
    described = {
        "command_line": f"python -m bench {shlex.join(command_line)}",
        "request": asdict(request),
        "plugins": list(arguments.plugin),
    }
    prepare_folder(folder, specs, described)
    if cluster:
        return _submit(arguments, specs, folder, cluster)
    return _make_here(arguments, specs, folder, slots)


def _slurm_settings(arguments: argparse.Namespace) -> SlurmSettings | None:
    """What is asked of Slurm, and None for the local launcher; takes slurm.* from the settings."""
    own = tuple(text for text in arguments.overrides if not text.startswith("slurm."))
    given = [text for text in arguments.overrides if text.startswith("slurm.")]
    arguments.overrides = own
    if arguments.launcher == "local":
        if given or arguments.wait:
            raise UserError(f"{given[0] if given else '--wait'}: needs --launcher slurm")
        return None
    if arguments.jobs is not None:
        raise UserError("--jobs is for the local launcher: set slurm.parallelism")
    from bench.config.overrides import compose_section
    from bench.execution.slurm.cluster import SlurmSettings

    return compose_section(SlurmSettings, "slurm", given)


def _submit(
    arguments: argparse.Namespace,
    specs: Sequence[RunSpec],
    folder: Path,
    settings: SlurmSettings,
) -> int:
    from bench.execution.grid_runner import GridOutcome
    from bench.execution.slurm.launcher import submit_due, wait_for
    from bench.experiment.state import ENDED, State, states_of

    states = states_of(specs, folder)
    submission = submit_due(states, folder, arguments.plugin, _retry(arguments), settings)
    print("\n".join([*submission.said(), f"python -m bench status {folder}  shows how they fare"]))
    if not arguments.wait:
        return 0
    try:
        wait_for({**submission.before, **submission.new}.values())
    except KeyboardInterrupt:
        print("bench run: interrupted; the jobs stay in the queue", file=sys.stderr)
        return 130
    now = states_of(specs, folder)
    outcome = GridOutcome(failed=sum(each.state is State.FAILED for each in now))
    status = _report(folder, outcome, wanted=not arguments.no_report)
    if lost := sum(each.state not in ENDED for each in now):
        said = f"{lost} of the runs have no record: python -m bench status {folder} says why"
        print(f"bench run: {said} (the same command submits them again)", file=sys.stderr)
    return 1 if lost else status


def _make_here(
    arguments: argparse.Namespace, specs: Sequence[RunSpec], folder: Path, slots: Sequence[Slot]
) -> int:
    from bench.execution.grid_runner import GridOutcome
    from bench.execution.local import Interrupted, make_here
    from bench.experiment.state import counted, states_of

    wanted = not arguments.no_report
    try:
        outcome = make_here(specs, folder, slots, _retry(arguments), arguments.noise_pairs)
    except Interrupted as interrupt:
        print(f"bench run: interrupted: {counted(states_of(specs, folder))}", file=sys.stderr)
        _report(folder, GridOutcome(), wanted=wanted)
        print("bench run: the same command continues", file=sys.stderr)
        return interrupt.status
    return _report(folder, outcome, wanted=wanted)


def _check_numbers(arguments: argparse.Namespace) -> None:
    if arguments.noise_pairs != 0 and arguments.noise_pairs < FEWEST_PAIRS:
        raise UserError(f"--noise-pairs {arguments.noise_pairs}: 0, or at least {FEWEST_PAIRS}")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UserError(f"--jobs {arguments.jobs}: must be at least 1")


def _folder(arguments: argparse.Namespace, specs: Sequence[RunSpec]) -> Path:
    """The newest folder of this experiment that lacks a run, or a new one."""
    from bench.experiment.folder import default_folder, folders_of
    from bench.experiment.state import states_of

    words = (arguments.problem, arguments.preset)
    for folder in folders_of(specs, *words)[:1]:
        if any(state.is_due(_retry(arguments)) for state in states_of(specs, folder)):
            print(f"bench run: continuing {folder}", file=sys.stderr)
            return folder
    return default_folder(*words)


def _retry(arguments: argparse.Namespace) -> tuple[State, ...]:
    from bench.experiment.state import State

    return (State.FAILED,) if arguments.retry == "failed" else ()


def _slots(arguments: argparse.Namespace, specs: Sequence[RunSpec]) -> list[Slot]:
    from bench.execution.slots import slots_for
    from bench.machine.device import resolve_device

    device = resolve_device(arguments.device)
    return slots_for(device, arguments.jobs, int(specs[0].config["num_threads"]))


def _queue(folder: Path) -> dict[str, str]:
    """The jobs of the runs that are queued or running on the cluster."""
    from bench.execution.slurm.jobs_file import read_jobs
    from bench.execution.slurm.launcher import in_queue

    return in_queue(read_jobs(folder))


def _say_plan(
    states: Sequence[RunState], folder: Path, retry: Sequence[State], queue: Mapping[str, str]
) -> int:
    from bench.experiment.state import counted

    for each in states:
        job = queue.get(each.spec.run_id)
        notes = filter(None, [each.reason, job and f"in the queue as job {job}"])
        said = printable("; ".join(notes), 300)
        print(f"{each.state:8}{each.spec.run_id}{f' ({said})' if said else ''}")
    due = sum(each.is_due(retry) and each.spec.run_id not in queue for each in states)
    print(f"{folder}: {len(states)} runs: {counted(states)}; {due} to make")
    return 0


def _request(arguments: argparse.Namespace, cluster: SlurmSettings | None) -> GridRequest:
    from bench.experiment.grid import GridRequest

    device = _device_there(arguments.device, cluster) if cluster else arguments.device
    return GridRequest(
        methods=arguments.methods,
        problem=arguments.problem,
        preset=arguments.preset,
        sizes=arguments.sizes,
        seeds=arguments.seeds,
        device=device,
        overrides=arguments.overrides,
        elsewhere=cluster is not None,
    )


def _device_there(name: str, settings: SlurmSettings) -> str:
    """The device of the runs on the cluster: what their jobs ask for decides `auto`."""
    from bench.errors import unknown_name

    if name not in ("auto", "cpu", "cuda"):
        raise unknown_name("device of a cluster", name, ("auto", "cpu", "cuda"))
    if name == "cuda" and not settings.gpus:
        raise UserError("--device cuda: the jobs ask for no GPU, set slurm.gpus=1")
    return ("cuda" if settings.gpus else "cpu") if name == "auto" else name


def _report(folder: Path, outcome: GridOutcome, *, wanted: bool) -> int:
    for message in outcome.unkept:
        print(f"bench run: not written down: {message}", file=sys.stderr)
    damaged = _write_report(folder) if wanted and _has_records(folder) else []
    print(f"results: {folder}")
    if outcome.failed:
        print(
            f"bench run: {outcome.failed} of the runs failed, their records say why "
            "(--retry failed makes them again)",
            file=sys.stderr,
        )
    return 1 if outcome.failed or outcome.unkept or damaged else 0


def _write_report(folder: Path) -> list[str]:
    """Print the summary and where the report is; returns what was damaged."""
    from reports.report import write_report

    result = write_report(folder)
    print(result.terminal)
    print(f"report:  {result.folder}")
    for message in result.damaged:
        print(f"bench run: damaged record: {message}", file=sys.stderr)
    return result.damaged


def _has_records(folder: Path) -> bool:
    from bench.experiment.files import RUNS

    return any((folder / RUNS).glob("[!.]*"))
