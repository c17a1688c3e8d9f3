"""`bench list`: aligned tables of all that is registered, and of the presets."""

from __future__ import annotations

from bench.commands._options import Add, add_plugin_option

USAGE = "python -m bench list [methods|problems|layers|…|presets] [--plugin FILE_OR_MODULE]"
KINDS = ("methods", "problems", "layers", "networks", "images", "callbacks", "presets")
EPILOG = "example:\n  python -m bench list methods"


def add_arguments(add: Add) -> None:
    """Declare the arguments of `list`."""
    kinds = f"{', '.join(KINDS[:-1])} or {KINDS[-1]} (default: all of them)"
    add("kind", nargs="?", help=kinds)
    add_plugin_option(add)
