"""`bench report`: tables, figures and a page from the records of results folders."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from bench.commands._options import Add

POLL_SECONDS = 30.0
USAGE = """python -m bench report FOLDER [--target SPEC] [--reference METHOD] [--figures all]
                              [--style paper] [--parquet] [--watch [SECONDS]]
       python -m bench report FOLDER FOLDER ... [--reference METHOD] [--out FOLDER]"""
EPILOG = """\
Of several folders, such as those of several machines or versions, one leaderboard is written in
place of their reports. Times are compared only between runs of one machine. A folder that cannot
be read is named, and the others are in the leaderboard.

With --watch the report is made again whenever a run has ended, until all that are planned have. It
keeps a core busy for some seconds each time: on the machine that measures, this disturbs times.

examples:
  python -m bench report results/mine
  python -m bench report results/mine --target psnr=30
  python -m bench report results/mine --style paper
  python -m bench report results/mine --watch
  python -m bench report results/laptop results/server --out results/both

Exit status: 0 the report was written (a warning names each figure and table that could not be
made); 2 a record is damaged or one of several folders cannot be read (the report covers the
others), or there are no results; 130 interrupted (the last report is kept).
"""


def add_arguments(add: Add) -> None:
    """Declare the arguments of `report`."""
    add("folder", type=Path, nargs="+", help="results folder; several make a leaderboard")
    target = (
        "target quality of the time to target: psnr=30 (dB), gain=5 (dB above the observed "
        "image), tv+0.5 or tv-0.1 (dB relative to TV), best-0.5 (dB below the best method), "
        "fraction=0.95 (of the best gain) or auto, which is tv+0 if every problem and size has a "
        "tv run and best-0.5 otherwise (default: auto)"
    )
    add("--target", default="auto", metavar="SPEC", help=target)
    reference = (
        "method that times are compared with in the scores, and quality in a leaderboard (default: "
        "jfb, if it was run)"
    )
    add("--reference", metavar="METHOD", help=reference)
    figures = (
        "all: draw figures for every problem and size; auto: for one of them if there are "
        "more than six (default: auto)"
    )
    add("--figures", choices=("auto", "all"), default="auto", help=figures)
    style = (
        "paper: figures for one and for two columns, at 300 dpi and without headings, and tables "
        "in LaTeX (booktabs) in report/tables; screen: for the page (default: screen)"
    )
    add("--style", choices=("screen", "paper"), default="screen", help=style)
    parquet = "write the records to report/records/*.parquet too (needs the extra parquet)"
    add("--parquet", action="store_true", help=parquet)
    watch = (
        "make the report again while runs are added; seconds from one look to the next (default: "
        f"{POLL_SECONDS:g})"
    )
    add("--watch", type=_seconds, nargs="?", const=POLL_SECONDS, metavar="SECONDS", help=watch)
    out = "folder of the leaderboard of several folders (default: results/leaderboard)"
    add("--out", type=Path, metavar="FOLDER", help=out)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 86400")
    return seconds
