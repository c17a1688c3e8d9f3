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
from bench.registry import CALLBACKS, IMAGES, LAYERS, METHODS, NETWORKS, PROBLEMS

REGISTRIES = {
    "method": METHODS,
    "layer": LAYERS,
    "network": NETWORKS,
    "problem": PROBLEMS,
    "images": IMAGES,
    "callback": CALLBACKS,
}
# What to do with the file, in this order, before --plugin FILE; the last is the run.
NEXT = {
    "method": ("check $name", "run --methods jfb,$name"),
    "layer": ("check jfb --layer $name", "run --methods jfb,ift --layer $name"),
    "network": ("run --methods jfb,ift --network $name",),
    "problem": ("run --methods jfb,ift --problem $name",),
    "images": ("run --methods jfb,ift images=$name",),
    "callback": ("run --methods jfb,ift --callbacks $name",),
}


def execute(arguments: argparse.Namespace) -> int:
    """Write the file and say what to do with it; UserError rather than to overwrite anything."""
    kind, name = arguments.kind, arguments.name
    if kind is None:
        raise UserError(f"give what to write, and its name: {', '.join(REGISTRIES)}")
    if kind not in REGISTRIES:
        raise unknown_name("kind", kind, REGISTRIES)
    if name is None:
        raise UserError(f"give the name of the new {kind}: bench new {kind} NAME")
    load_plugins("new")
    REGISTRIES[kind].require_free(name)
    path = arguments.out / f"{name}.py"
    _write(path, _filled_in(kind, name))
    print(f"wrote {path}")
    print("next:")
    *checks, run = _commands(kind, name, str(path))
    for command in (*checks, f"{run} --out {Path('results') / name}"):
        print(f"  {command}")
    return 0


def _filled_in(kind: str, name: str) -> str:
    template = resources.files("bench.commands.templates").joinpath(f"{kind}.py.txt")
    class_name = "".join(word.capitalize() for word in name.split("_"))
    # Without --out, so that the lines stay short.
    commands = "\n".join(f"    {command}" for command in _commands(kind, name, f"{name}.py"))
    return Template(template.read_text(encoding="utf-8")).substitute(
        name=name, cls=class_name, commands=commands
    )


def _commands(kind: str, name: str, file: str) -> list[str]:
    """The commands that use the plug-in."""
    arguments = [Template(text).substitute(name=name) for text in NEXT[kind]]
    return [f"python -m bench {each} --plugin {shlex.quote(file)}" for each in arguments]


def _write(path: Path, text: str) -> None:
    if os.path.lexists(path):  # unlike Path.exists, for a name that is too long
        raise UserError(f"{path} already exists and was not overwritten")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
