"""`bench report`: tables, figures and a page from the records of a results folder."""

from __future__ import annotations

from pathlib import Path

from bench.commands._options import Add

USAGE = """python -m bench report FOLDER [--target SPEC] [--reference METHOD] [--figures all]
                              [--style paper] [--parquet]"""
EPILOG = """\
examples:
  python -m bench report results/mine
  python -m bench report results/mine --target psnr=30
  python -m bench report results/mine --style paper

Exit status: 0 the report was written (a warning names each figure and table that could not be
made); 2 a record is damaged (the report covers the others), or the folder holds no results.
"""


def add_arguments(add: Add) -> None:
    """Declare the arguments of `report`."""
    add("folder", type=Path, help="results folder")
    target = (
        "target quality of the time to target: psnr=30 (dB), gain=5 (dB above the observed "
        "image), tv+0.5 or tv-0.1 (dB relative to TV), best-0.5 (dB below the best method), "
        "fraction=0.95 (of the best gain) or auto, which is tv+0 if every problem and size has a "
        "tv run and best-0.5 otherwise (default: auto)"
    )
    add("--target", default="auto", metavar="SPEC", help=target)
    reference = "method that times are compared with in the scores (default: jfb, if it was run)"
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
