"""`bench status`: which runs of an experiment are done, failed, being made, queued and missing."""

from __future__ import annotations

from pathlib import Path

from bench.commands._options import Add

USAGE = "python -m bench status [--all] FOLDER"
EPILOG = """\
Reads the plan, the records and the claims in a results folder, and asks Slurm about the jobs that
were submitted for it. It imports neither plug-ins nor torch, and writes nothing.

  done      the run completed
  failed    the run failed; its record has the status and the message
  running   a process is executing the run, or its Slurm job is running
  queued    its Slurm job is waiting
  damaged   its record cannot be read; `run` repeats it
  missing   none of these; a Slurm job that ended without a record is named

Whether a record is stale (made by other code or library versions) is shown by the `run` command
with --dry-run.

examples:
  python -m bench status results/mine
  python -m bench status --all results/mine | grep missing

Exit status: 0, or 2 if the folder cannot be read or holds no runs.
"""


def add_arguments(add: Add) -> None:
    """Declare the options of `status`."""
    add("folder", type=Path, metavar="FOLDER", help="results folder")
    add("--all", action="store_true", help="list every run, one per line")
