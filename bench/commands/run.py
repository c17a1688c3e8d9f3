"""`bench run`: the grid of methods, problems, sizes and seeds, then the report."""

from __future__ import annotations

import argparse

from bench.commands._options import add_plugin_option, add_results_folder, add_selection
from bench.config.presets import DEFAULT_PRESET, PRESETS

ACCEPTS_SETTINGS = True
NOISE_PAIRS = 3
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
    methods = "all, or a comma list; values in brackets sweep: 'phantom[steps=1,3,5]' (all)"
    add_selection(add, methods=methods, sizes=None, seeds=None)
    presets = f"{' | '.join(PRESETS)} ({DEFAULT_PRESET})"
    add("--preset", default=DEFAULT_PRESET, metavar="NAME", help=presets)
    add_results_folder(add, "results/PROBLEM-PRESET-TIME")
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
