"""`bench run`: the grid of methods, problems, sizes and seeds, then the report."""

from __future__ import annotations

from bench.commands._options import Add, add_plugin_option, add_results_folder, add_selection
from bench.config.presets import DEFAULT_PRESET, PRESETS

ACCEPTS_SETTINGS = True
USAGE = "python -m bench run [OPTIONS] [KEY=VALUE ...]"
EPILOG = """\
settings:
  Any KEY=VALUE in Hydra's override grammar, for example train.steps=300, forward.tolerance=1e-4,
  problem.noise_sigma=0.02 or images=folder images.path=photos. `python -m bench list` shows every
  name and parameter.

slurm:
  With --launcher slurm the command submits the runs and exits; `python -m bench status FOLDER`
  shows their progress. The resources of each run are set by slurm.partition, slurm.gpus,
  slurm.cpus, slurm.memory_gib, slurm.minutes (time limit of one run), slurm.account, slurm.qos and
  slurm.constraint; slurm.parallelism is the number of runs at a time. The noise floor is not
  measured, and --repeats is refused.

noise floor:
  Times that differ by less are indistinguishable. The quick estimate before the grid takes seconds
  and does not see the machine drift. --repeats executes the first gradient run of the first seed N
  more times; the records are in FOLDER/repeats, which is a results folder of its own.

examples:
  python -m bench run --methods all --problem motion
  python -m bench run --methods 'jfb,phantom[steps=1,3,5]' --sizes 32,64 --seeds 3
  python -m bench run --methods mine --plugin mine.py --out results/mine train.steps=300
  python -m bench run --seeds 5 --repeats 6 --out results/mine
  python -m bench run --launcher slurm slurm.partition=gpu slurm.gpus=1 --out results/mine

The same command again continues the experiment. Runs that have ended are kept. Runs made stale by a
change of code, library versions or settings are repeated, and the old records are moved to
superseded/ in the results folder. Without --out, the command continues the newest unfinished folder
of the same experiment. Several commands may share a folder: each run is executed by one of them.

Exit status: 0 every run completed; 1 a run failed (its record says why); 2 a mistake in the
command; 130 interrupted; 143 terminated.
"""


def add_arguments(add: Add) -> None:
    """Declare the options of `run`."""
    methods = (
        "comma-separated methods, all or libraries; values in brackets are swept: "
        "'phantom[steps=1,3,5]' (default: all)"
    )
    add_selection(add, methods=methods)
    presets = ", ".join(name for name, preset in PRESETS.items() if not preset.study)
    help_of_preset = f"one of {presets} (default: {DEFAULT_PRESET})"
    add("--preset", default=DEFAULT_PRESET, metavar="NAME", help=help_of_preset)
    add_results_folder(add, "results/PROBLEM-PRESET-TIME")
    pairs = (
        "pairs of short runs before the grid that give a quick estimate of the noise floor, 0 for "
        "none, and then for one run at a time unless --jobs is given (default: 3)"
    )
    add("--noise-pairs", type=int, default=3, metavar="N", help=pairs)
    repeats = (
        "repeats of one run of the grid at full length, half before and half after the grid, from "
        "which the report takes the noise floor (default: 0)"
    )
    add("--repeats", type=int, default=0, metavar="N", help=repeats)
    jobs = (
        "number of runs at a time, each on its own cores or GPU (default: the number of GPUs; on "
        "cores, all if this prolongs a training step by less than the noise floor, and else 1)"
    )
    add("--jobs", type=int, metavar="N", help=jobs)
    launcher = (
        "where to execute the runs: on this machine, or as job arrays on a Slurm cluster "
        "(default: local)"
    )
    add("--launcher", choices=("local", "slurm"), default="local", help=launcher)
    callbacks = (
        "comma-separated callbacks that are told of each run, such as tensorboard; parameters in "
        "brackets (default: none)"
    )
    add("--callbacks", metavar="LIST", help=callbacks)
    add("--wait", action="store_true", help="with slurm: wait for the jobs, then write the report")
    add("--retry", choices=("failed",), help="repeat the runs that failed")
    add("--dry-run", action="store_true", help="show the state of every run, and execute nothing")
    no_report = "write only the records; `report` can be run later"
    add("--no-report", action="store_true", help=no_report)
    add_plugin_option(add)
