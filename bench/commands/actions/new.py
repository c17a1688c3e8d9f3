"""Writes a one-file plug-in to start from."""

from __future__ import annotations

import argparse
import os
import shlex
from importlib import resources
from pathlib import Path
from string import Template

from bench.commands.actions._shared import load_plugins
from bench.errors import UserError, unknown_name
from bench.registry import METHODS

TEMPLATES = {"method": "method.py.txt"}


def execute(arguments: argparse.Namespace) -> int:
    """Write the file and say what to do with it; UserError rather than to overwrite anything."""
    if arguments.kind not in TEMPLATES:
        raise unknown_name("kind", arguments.kind, TEMPLATES)
    load_plugins("new")
    METHODS.require_free(arguments.name)
    path = arguments.out / f"{arguments.name}.py"
    results = Path("results") / arguments.name
    template = resources.files("bench.commands.templates").joinpath(TEMPLATES["method"])
    class_name = "".join(word.capitalize() for word in arguments.name.split("_"))
    text = Template(template.read_text(encoding="utf-8")).substitute(
        name=arguments.name, cls=class_name, file=path.name, results=results
    )
    _write(path, text)
    file = shlex.quote(str(path))
    print(f"wrote {path}")
    print("next:")
    print(f"  python -m bench check {arguments.name} --plugin {file}")
    methods = f"--methods jfb,{arguments.name}"
    print(f"  python -m bench run {methods} --plugin {file} --out {results}")
    return 0


def _write(path: Path, text: str) -> None:
    if os.path.lexists(path):  # unlike Path.exists, for a name that is too long
        raise UserError(f"{path} already exists and was not overwritten")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
