"""Makes the runs of a grid, here or on a cluster, then writes the report."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from bench.commands.actions._shared import (
    described,
    fill_from,
    load_plugins,
    show_report,
    warn,
)
from bench.config.overrides import compose_section
from bench.config.presets import get_preset
from bench.errors import UserError, blaming, counted, printable, unknown_name
from bench.execution.grid_runner import GridResult
from bench.execution.local import Interrupted, run_locally
from bench.execution.repeats import FEWEST_REPEATS, prepare_repeats, repeats_of
from bench.execution.slots import Slot, slots_for
from bench.execution.slurm.jobs_file import read_jobs
from bench.execution.slurm.launcher import submit_due, wait_for
from bench.execution.slurm.queue import in_queue
from bench.execution.slurm.settings import SlurmSettings
from bench.experiment.callbacks import parse_callbacks
from bench.experiment.files import RUNS
from bench.experiment.folder import default_folder, folders_of, merged_plan, prepare_folder
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.preflight import check_images
from bench.experiment.spec import RunSpec
from bench.experiment.state import ENDED, Experiment, RunState, Standing
from bench.machine.collector import collector_paused
from bench.machine.device import resolve_device
from bench.records.model import REPEATS

FEWEST_PAIRS = 2
MOST_REPEATS = 1000  # of the pairs, too: no slip of the finger occupies a machine for weeks


class Made(NamedTuple):
    """Exit status and results folder of the command."""

    status: int
    folder: Path


def execute(arguments: argparse.Namespace) -> int:
    """Run the grid and write its report; 1 if any run failed."""
    return make(arguments).status


def make(arguments: argparse.Namespace) -> Made:
    """The same, with the folder of the results."""
    _check_numbers(arguments)
    _fill(arguments)
    cluster = _slurm_settings(arguments)
    load_plugins("run", arguments.plugin)
    callbacks = parse_callbacks(arguments.callbacks) if arguments.callbacks is not None else ()
    request = _request(arguments, cluster)
    retry = (RunState.FAILED,) if arguments.retry == "failed" else ()
    with collector_paused():
        specs = build_grid(request)
    repeats = repeats_of(specs, arguments.repeats)
    folder = arguments.out or _folder(arguments, specs, repeats, retry)
    merged_plan(folder, specs)  # refuses a folder that cannot be used, before anything is made
    if arguments.dry_run:
        with collector_paused():
            _show_plan(specs, folder, retry, on_cluster=cluster is not None)
            if repeats:
                _show_plan(repeats, folder / REPEATS, retry, on_cluster=False)
        return Made(0, folder)
    with blaming("images"):
        check_images(specs)
    slots = None if cluster else _slots(arguments, specs)
    description = described(arguments, asdict(request))
    prepare_folder(folder, specs, description)
    around = prepare_repeats(folder, repeats, description) if repeats else None
    experiment = Experiment.open(folder, specs)
    if cluster:
        return Made(_submit(arguments, experiment, retry, cluster, callbacks), folder)
    return Made(_run_here(arguments, experiment, around, retry, slots, callbacks), folder)


def _fill(arguments: argparse.Namespace) -> None:
    """What is not given is the preset's."""
    preset = get_preset(arguments.preset)
    if preset.study:
        raise UserError(
            f"preset {arguments.preset!r} measures gradients: use `python -m bench gradients "
            f"--preset {arguments.preset}`"
        )
    fill_from(preset, arguments, ("methods", "problem", "layer", "network"))


def _check_numbers(arguments: argparse.Namespace) -> None:
    for name, fewest in (("noise-pairs", FEWEST_PAIRS), ("repeats", FEWEST_REPEATS)):
        given = getattr(arguments, name.replace("-", "_"))
        if given != 0 and not fewest <= given <= MOST_REPEATS:
            raise UserError(f"--{name} {given}: must be 0 or from {fewest} to {MOST_REPEATS}")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UserError(f"--jobs {arguments.jobs}: must be at least 1")


def _slurm_settings(arguments: argparse.Namespace) -> SlurmSettings | None:
    """What is asked of Slurm, and None for the local launcher; takes slurm.* from the settings."""
    given = [text for text in arguments.overrides if text.startswith("slurm.")]
    arguments.overrides = tuple(text for text in arguments.overrides if text not in given)
    if arguments.launcher == "local":
        if given or arguments.wait:
            raise UserError(f"{given[0] if given else '--wait'} works only with --launcher slurm")
        return None
    if arguments.jobs is not None:
        raise UserError("--jobs works only with the local launcher: use slurm.parallelism instead")
    if arguments.repeats:
        raise UserError("--repeats works only with the local launcher")
    return compose_section(SlurmSettings, "slurm", given)


def _request(arguments: argparse.Namespace, cluster: SlurmSettings | None) -> GridRequest:
    return GridRequest(
        methods=arguments.methods,
        problem=arguments.problem,
        preset=arguments.preset,
        sizes=arguments.sizes,
        seeds=arguments.seeds,
        layer=arguments.layer,
        network=arguments.network,
        device=_device_there(arguments.device, cluster) if cluster else arguments.device,
        overrides=arguments.overrides,
        elsewhere=cluster is not None,
    )


def _device_there(name: str, settings: SlurmSettings) -> str:
    """The device of the runs on the cluster: what their jobs ask for decides `auto`."""
    if name not in ("auto", "cpu", "cuda"):
        raise unknown_name("device for Slurm jobs", name, ("auto", "cpu", "cuda"))
    if name == "cuda" and not settings.gpus:
        raise UserError("--device cuda: the jobs request no GPU (set slurm.gpus=1)")
    return ("cuda" if settings.gpus else "cpu") if name == "auto" else name


def _folder(
    arguments: argparse.Namespace,
    specs: Sequence[RunSpec],
    repeats: Sequence[RunSpec],
    retry: Sequence[RunState],
) -> Path:
    """The newest folder of this experiment that lacks a run or a repeat, or a new one."""
    words = (re.sub(r"\[.*?\]", "", arguments.problem), arguments.preset)
    for folder in folders_of(specs, *words)[:1]:
        if _lacks_a_run(folder, specs, retry) or _lacks_a_run(folder / REPEATS, repeats, retry):
            warn("run", f"continuing {folder}")
            return folder
    return default_folder(*words)


def _lacks_a_run(folder: Path, specs: Sequence[RunSpec], retry: Sequence[RunState]) -> bool:
    experiment = Experiment.open(folder, specs)
    return any(experiment.is_due(spec.run_id, retry) for spec in specs)


def _show_plan(
    specs: Sequence[RunSpec], folder: Path, retry: Sequence[RunState], *, on_cluster: bool
) -> None:
    queue = in_queue(read_jobs(folder)) if on_cluster else {}
    jobs = {
        run: Standing(RunState.QUEUED, f"in the queue as job {job}") for run, job in queue.items()
    }
    experiment = Experiment.open(folder, specs, jobs)
    for spec, standing in experiment:
        reason = printable(standing.reason, 300)
        print(f"{standing.state:8}{spec.run_id}{f' ({reason})' if reason else ''}")
    due = [spec.run_id for spec in specs if experiment.is_due(spec.run_id, retry)]
    to_make = sum(run_id not in queue for run_id in due)
    print(f"{folder}: {counted(len(specs), 'run')}: {experiment}; {to_make} to run")


def _slots(arguments: argparse.Namespace, specs: Sequence[RunSpec]) -> list[Slot] | None:
    """Where the runs are executed; None: in as many places as the cores have without a penalty."""
    device = resolve_device(arguments.device)
    if device == "cpu" and arguments.jobs is None:
        return None
    return slots_for(device, arguments.jobs, int(specs[0].config["num_threads"]))


def _run_here(
    arguments: argparse.Namespace,
    experiment: Experiment,
    repeats: tuple[Experiment, Experiment] | None,
    retry: Sequence[RunState],
    slots: Sequence[Slot] | None,
    callbacks: tuple[str, ...],
) -> int:
    folder, wanted = experiment.folder, not arguments.no_report
    try:
        pairs = arguments.noise_pairs
        result = run_locally(experiment, slots, retry, pairs, repeats, callbacks)
    except Interrupted as interrupt:
        warn("run", f"interrupted: {Experiment.open(folder, experiment.specs)}")
        _report(folder, GridResult(), wanted=wanted)
        warn("run", "run the same command again to continue")
        return interrupt.status
    return _report(folder, result, wanted=wanted)


def _submit(
    arguments: argparse.Namespace,
    experiment: Experiment,
    retry: Sequence[RunState],
    settings: SlurmSettings,
    callbacks: tuple[str, ...],
) -> int:
    folder = experiment.folder
    submission = submit_due(experiment, arguments.plugin, retry, settings, callbacks)
    print(f"{submission}\nto see their progress: python -m bench status {folder}")
    if not arguments.wait:
        return 0
    try:
        wait_for({**submission.before, **submission.new}.values())
    except KeyboardInterrupt:
        warn("run", "interrupted; the jobs stay in the queue")
        return 130
    now = Experiment.open(folder, experiment.specs)
    result = GridResult(failed=now.count(RunState.FAILED))
    status = _report(folder, result, wanted=not arguments.no_report)
    if lost := len(now.specs) - now.count(*ENDED):
        runs = f"{counted(lost, 'run')} {'has' if lost == 1 else 'have'} no record"
        again = f"run the same command again to resubmit {'it' if lost == 1 else 'them'}"
        warn("run", f"{runs}; python -m bench status {folder} shows why ({again})")
    return 1 if lost else status


def _report(folder: Path, result: GridResult, *, wanted: bool) -> int:
    for message in result.unkept:
        warn("run", f"record not saved: {message}")
    has_records = any((folder / RUNS).glob("[!.]*"))
    damaged = show_report("run", folder) if wanted and has_records else []
    print(f"results: {folder}")
    if result.failed:
        warn("run", _failed(result.failed))
    return 1 if result.failed or result.unkept or damaged else 0


def _failed(count: int) -> str:
    if count == 1:
        return "1 run failed; its record says why (repeat it with --retry failed)"
    return f"{count} runs failed; their records say why (repeat them with --retry failed)"
