"""`bench list`: aligned tables of all that is registered, and of the presets."""

from __future__ import annotations

import argparse

from bench.commands._options import add_plugin_option

ACCEPTS_SETTINGS = False
USAGE = "python -m bench list [methods|problems|layers|images|presets] [--plugin FILE_OR_MODULE]"
KINDS = ("methods", "problems", "layers", "images", "presets")
EPILOG = "example:\n  python -m bench list methods"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `list`."""
    parser.add_argument(
        "kind", nargs="?", help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]} (default: all of them)"
    )
    add_plugin_option(parser)
