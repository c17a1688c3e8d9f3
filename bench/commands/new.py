"""`bench new method NAME`: a one-file plug-in to start from, which passes `bench check`."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

from bench.errors import UserError, unknown_name
from bench.registry import METHODS, load_all

ACCEPTS_SETTINGS = False
USAGE = "python -m bench new method NAME [--out FOLDER]"
EPILOG = """\
example:
  python -m bench new method mine          writes mine.py
  python -m bench check mine --plugin mine.py

Exit status: 0 the file is written, 2 a mistake in the command.
"""
TEMPLATES = {"method": "method.py.txt"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `new`."""
    parser.add_argument("kind", help="what to write: method")
    parser.add_argument("name", help="its name: lower-case letters, digits and underscores")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where NAME.py is written (the current folder)",
    )


def execute(arguments: argparse.Namespace, command_line: Sequence[str]) -> int:
    """Write the file and say what to do with it; UserError rather than to overwrite anything."""
    if arguments.kind not in TEMPLATES:
        raise unknown_name("kind", arguments.kind, TEMPLATES)
    load_all()
    METHODS.require_free(arguments.name)
    path = arguments.out / f"{arguments.name}.py"
    results = Path("results") / arguments.name
    _write(path, _filled(arguments.name, path, results))
    file = shlex.quote(str(path))
    print(f"wrote {path}")
    print("next:")
    print(f"  python -m bench check {arguments.name} --plugin {file}")
    methods = f"--methods jfb,{arguments.name}"
    print(f"  python -m bench run {methods} --plugin {file} --out {results}")
    return 0


def _filled(name: str, path: Path, results: Path) -> str:
    template = resources.files("bench.commands.templates").joinpath(TEMPLATES["method"])
    class_name = "".join(word.capitalize() for word in name.split("_"))
    return Template(template.read_text(encoding="utf-8")).substitute(
        name=name, cls=class_name, file=path.name, results=results
    )


def _write(path: Path, text: str) -> None:
    if path.exists():
        raise UserError(f"{path} exists already: it is left as it is")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
