"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Add = Callable[..., object]  # `add_argument` of a parser
NAMES = "comma-separated names, or all"


def add_plugin_option(add: Add) -> None:
    """Declare --plugin, a list of files and modules that is empty by default."""
    what = (
        "Python file or module that registers methods, problems, layers, networks or images; "
        "may be repeated"
    )
    add("--plugin", action="append", default=[], metavar="FILE_OR_MODULE", help=what)


def add_device_option(add: Add) -> None:
    """Declare --device."""
    devices = "auto, cpu, cuda or cuda:N (default: auto)"
    add("--device", default="auto", metavar="NAME", help=devices)


def add_selection(add: Add, *, methods: str, sizes: str | None, seeds: str | None) -> None:
    """Declare what a grid is made of; sizes, seeds: the defaults, None for those of a preset."""
    add("--methods", default="all", metavar="LIST", help=methods)
    add("--problem", default="motion", metavar="LIST", help=f"{NAMES} (default: motion)")
    add("--layer", metavar="LIST", help=f"{NAMES} (default: degrad)")
    add("--network", metavar="LIST", help=f"{NAMES} (default: convex_potential)")
    preset = "set by the preset"
    size_help = f"image sizes in pixels, such as 16,32 (default: {sizes or preset})"
    add("--sizes", default=sizes, metavar="LIST", help=size_help)
    add("--seeds", default=seeds, metavar="N", help=f"number of seeds (default: {seeds or preset})")
    add_device_option(add)


def add_results_folder(add: Add, default: str) -> None:
    """Declare --out."""
    add("--out", type=Path, metavar="FOLDER", help=f"results folder (default: {default})")
