"""`bench report`: tables, figures and a page from the records of a results folder."""

from __future__ import annotations

import argparse
from pathlib import Path

ACCEPTS_SETTINGS = False
USAGE = "python -m bench report FOLDER [--target SPEC] [--reference METHOD] [--figures all]"
EPILOG = """\
examples:
  python -m bench report results/mine
  python -m bench report results/mine --target psnr=30

Exit status: 0 the report is written, 2 a record is damaged (the report holds the good ones) or
the folder holds no results.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `report`."""
    parser.add_argument("folder", type=Path, help="results folder of an experiment")
    parser.add_argument(
        "--target",
        default="auto",
        metavar="SPEC",
        help="accuracy whose time is reported: psnr=30 (dB), gain=5 (dB above the observed "
        "image), tv+0.5 or tv-0.1 (dB from TV), best-0.5 (dB below the best), fraction=0.95 (of "
        "the best gain) or auto: tv+0 if there are tv runs, else best-0.5 (auto)",
    )
    parser.add_argument(
        "--reference",
        metavar="METHOD",
        help="method that the absolute time scores are relative to (jfb, if it is there)",
    )
    parser.add_argument(
        "--figures",
        choices=("auto", "all"),
        default="auto",
        help="figures of all problems and sizes, or of one where there are more than six (auto)",
    )
