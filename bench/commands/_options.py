"""Options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

NAMES = "comma-separated names, or all"


def add_plugin_option(parser: argparse.ArgumentParser) -> None:
    """Declare --plugin, a list of files and modules that is empty by default."""
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE_OR_MODULE",
        help="Python file or module that registers methods, problems, layers or images; "
        "may be repeated",
    )


def add_selection(
    add: Callable[..., object], *, methods: str, sizes: str | None, seeds: str | None
) -> None:
    """Declare what a grid is made of; sizes, seeds: the defaults, None for those of a preset."""
    add("--methods", default="all", metavar="LIST", help=methods)
    add("--problem", default="motion", metavar="LIST", help=f"{NAMES} (default: motion)")
    add("--layer", metavar="LIST", help=f"{NAMES} (default: degrad)")
    preset = "set by the preset"
    size_help = f"image sizes in pixels, such as 16,32 (default: {sizes or preset})"
    add("--sizes", default=sizes, metavar="LIST", help=size_help)
    add("--seeds", default=seeds, metavar="N", help=f"number of seeds (default: {seeds or preset})")
    add(
        "--device", default="auto", metavar="NAME", help="auto, cpu, cuda or cuda:N (default: auto)"
    )


def add_results_folder(add: Callable[..., object], default: str) -> None:
    """Declare --out."""
    add("--out", type=Path, metavar="FOLDER", help=f"results folder (default: {default})")
