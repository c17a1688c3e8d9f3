"""`bench status`: which runs of an experiment are done, failed, being made, queued and missing."""

from __future__ import annotations

import argparse
from pathlib import Path

ACCEPTS_SETTINGS = False
USAGE = "python -m bench status [--all] FOLDER"
EPILOG = """\
Reads the plan, the records and the claims of a results folder, and asks Slurm for the jobs that
were submitted from it. It imports no plug-in and no torch, and writes nothing.

  done      its record says completed
  failed    its record says why: status and message
  running   a process that is alive has claimed it, or its job runs
  queued    its job waits
  damaged   its record cannot be read: the run is made again
  missing   none of these; a job that ended without a record is named

Whether a record is stale, made by other code or versions, is said by `bench run --dry-run`.

examples:
  python -m bench status results/mine
  python -m bench status --all results/mine | grep missing

Exit status: 0, or 2 if the folder cannot be read.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `status`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a results folder")
    parser.add_argument("--all", action="store_true", help="name every run, a line each")
