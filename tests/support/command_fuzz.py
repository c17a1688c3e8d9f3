"""Command lines put together at random from pieces that are valid and pieces that are not."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.cheap_runs import PLUGIN

NUMBERS = ("0", "-1", "3", "nan", "-inf", "1e400", "1e300", "0x10", "٣", "true", "9" * 5000)
NESTED = tuple(300 * left + 300 * right for left, right in ("{}", "[]", "()", ("${", "}")))
RANGES = ("range(1,100000000)", "range(1,inf)", "range(0,1,1e-9)", "range(1,5,0)", "glob(*)")
TEXTS = (
    "",
    " ",
    "é",
    "\udcff",
    "\x1b[31m",
    "=",
    "'",
    "[",
    "a=b=c",
    "${oc.env:HOME}",
    "???",
    "null",
)
HOSTILE = (*NUMBERS, *NESTED, *RANGES, *TEXTS, "x" * 300, "--", "-h", "+a=1", "~method", "a@b=3")
METHODS = ("jfb", "jfb,ift", "phantom[steps=1,3]", "all", "libraries", "cheap", "fantom", "tv")
SETTINGS = (
    *(
        "train.steps",
        "train.learning_rate",
        "forward.tolerance",
        "forward.solver",
        "layer",
        "images",
    ),
    *("memory_limit_gib", "timeout_seconds", "memory_pass", "num_threads", "problem.kernels"),
    *(
        "slurm.minutes",
        "images.path",
        "evaluate.images",
        "checkpoint_every_seconds",
        "nothing",
        "train",
    ),
)
NAMES = ("methods", "problems", "jfb", "method", "mine", "degrad", "motion", "gaussian", "quick")
OPTIONS = {
    "run": (
        *("--methods", "--problem", "--layer", "--sizes", "--seeds", "--device", "--preset"),
        *("--noise-pairs", "--repeats", "--jobs", "--launcher", "--retry", "--plugin"),
    ),
    "status": ("--all",),
    "report": ("--target", "--reference", "--figures"),
    "gradients": ("--problem", "--layer", "--sizes", "--seeds", "--states", "--tolerances"),
    "check": ("--layer", "--plugin"),
    "new": ("--out",),
    "compare": ("--match", "--max-psnr-drop", "--max-slowdown", "--max-memory", "--times", "--csv"),
    "doctor": ("--device", "--pairs", "--size", "--threads"),
    "list": ("--plugin",),
}
# What keeps a command from training, whatever else is said: it is given last, and so it wins.
BRAKES = {
    "run": ("--dry-run",),
    "gradients": ("--methods", "no_such_method"),
    "check": ("--layer", "no_such_layer"),
    "doctor": ("--threads", "0"),
}


def command_lines(seed: int, count: int, folder: Path) -> Iterator[list[str]]:
    """`count` command lines, the same for the same seed; what they name lies in `folder`."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _mutated(chance, _command_line(chance, folder))


def _command_line(chance: random.Random, folder: Path) -> list[str]:
    command = chance.choice([*OPTIONS, "run", "run"])
    places = (str(folder / "results"), str(folder / "none"), str(folder), str(folder / "a\udce9"))
    values = (*METHODS, *NAMES, *HOSTILE, *places, str(PLUGIN), "16", "16,32", "2", "cpu", "local")
    line = [command, *_positional(chance, command, places)]
    for option in chance.choices(OPTIONS[command], k=chance.randrange(4)):
        line += [option, chance.choice(values)]
    if command in ("run", "gradients"):
        keys = chance.choices(SETTINGS, k=chance.randrange(3))
        line += [f"{key}={chance.choice(values)}" for key in keys]
    return line


def _positional(chance: random.Random, command: str, places: Sequence[str]) -> list[str]:
    wanted = {"status": 1, "report": 1, "compare": 2}
    if command in wanted:
        return chance.choices(places, k=wanted[command])
    if command == "new":
        return ["method", chance.choice((*NAMES, *HOSTILE))]
    if command in ("list", "check"):
        return [chance.choice((*METHODS, *NAMES, *HOSTILE))]
    return ["--methods", chance.choice(METHODS)] if command == "run" else []


def _mutated(chance: random.Random, line: list[str]) -> list[str]:
    """The line with a piece deleted, doubled, replaced or moved, or as it was; then the brake."""
    command, pieces = line[0], line[1:]
    at = chance.randrange(len(pieces) + 1)
    kind = chance.choice(("none", "none", "delete", "double", "insert", "shuffle", "cut"))
    if kind == "delete":
        pieces[at : at + 1] = []
    elif kind == "double":
        pieces[at:at] = pieces[at : at + 1]
    elif kind == "insert":
        pieces.insert(at, chance.choice(HOSTILE))
    elif kind == "shuffle":
        chance.shuffle(pieces)
    elif kind == "cut" and at < len(pieces):
        pieces[at] = pieces[at][: chance.randrange(len(pieces[at]) + 1)]
    safe = [piece for piece in pieces if piece != "--"]  # behind it, the brake would be no option
    return [command, *safe, *BRAKES.get(command, ())]
