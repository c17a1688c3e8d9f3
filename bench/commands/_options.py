"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

Add = Callable[..., object]  # `add_argument` of a parser
NAMES = "comma-separated names, or all"
OPTIONS = {"problem": "motion", "layer": "degrad", "network": "convex_potential"}


def add_plugin_option(add: Add) -> None:
    """Declare --plugin, a list of files and modules that is empty by default."""
    what = (
        "Python file or module that registers methods, problems, layers, networks, images or "
        "callbacks; may be repeated"
    )
    add("--plugin", action="append", default=[], metavar="FILE_OR_MODULE", help=what)


def add_device_option(add: Add) -> None:
    """Declare --device."""
    devices = "auto, cpu, cuda or cuda:N (default: auto)"
    add("--device", default="auto", metavar="NAME", help=devices)


def add_selection(add: Add, *, methods: str, usual: Mapping[str, str] | None = None) -> None:
    """Declare what a grid is made of; usual: what is taken where there is no preset."""
    preset, usual = "set by the preset", usual or {}
    add("--methods", metavar="LIST", help=methods)
    for option, first in OPTIONS.items():
        default = f"(default: {preset}, or {first})"
        add(f"--{option}", metavar="LIST", help=f"{NAMES}; brackets sweep parameters {default}")
    sizes, seeds = (f"(default: {usual.get(name, preset)})" for name in ("sizes", "seeds"))
    add("--sizes", metavar="LIST", help=f"image sizes in pixels, such as 16,32 {sizes}")
    add("--seeds", metavar="N", help=f"number of seeds {seeds}")
    add_device_option(add)


def add_results_folder(add: Add, default: str) -> None:
    """Declare --out."""
    add("--out", type=Path, metavar="FOLDER", help=f"results folder (default: {default})")
