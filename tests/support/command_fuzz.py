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
METHODS = ("jfb", "jfb,ift", "phantom[steps=1,3]", "all", "cheap", "evil", "evil", "fantom", "tv")
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
# The options of each command, and values that each may have.
SELECTION = {
    "--problem": ("motion", "gaussian", "all"),
    "--layer": ("degrad", "degrad,deprox", "all"),
    "--sizes": ("32", "32,64"),
    "--seeds": ("1", "3", "999999"),
    "--device": ("cpu",),
}
OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "run": {
        **SELECTION,
        "--preset": ("quick", "standard"),
        "--noise-pairs": ("0", "3", "1000000"),
        "--repeats": ("0", "2", "1000000"),
        "--jobs": ("1",),
        "--launcher": ("local", "slurm"),
        "--retry": ("failed",),
        "--plugin": (str(PLUGIN), "evil.py", "loud.py"),
    },
    "status": {"--all": ()},
    "report": {"--target": ("psnr=30", "best-0.5"), "--reference": ("jfb",)},
    "gradients": {**SELECTION, "--states": ("initial",), "--tolerances": ("1e-1,1e-2",)},
    "check": {"--layer": ("degrad", "all"), "--plugin": ("evil.py", "loud.py")},
    "new": {"--out": (".", "inner")},
    "compare": {
        "--match": ("ift=jfb",),
        "--max-slowdown": ("1.1",),
        "--times": ("always", "auto"),
        "--csv": ("changes.csv",),
    },
    "doctor": {"--device": ("cpu",), "--pairs": ("2", "1000000"), "--size": ("16",)},
    "list": {"--plugin": (str(PLUGIN), "evil.py", "loud.py")},
}
ODDS = 0.15  # of a hostile value where a valid one could stand
EVIL = """
from __future__ import annotations
from dataclasses import dataclass
import bench

class Silent(BaseException):
    def __str__(self):
        raise RuntimeError("no text")

@bench.register_method("NAME")
@dataclass(frozen=True)
class Mine:
    "Mine."

    steps: int = 3

    def validate(self):
        raise Silent
"""
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


def write_plugins(folder: Path) -> None:
    """The plug-ins that the command lines name: one fails when it is used, one when imported."""
    (folder / "evil.py").write_text(EVIL.replace("NAME", "evil"), encoding="utf-8")
    (folder / "loud.py").write_text(f"{EVIL.replace('NAME', 'loud')}\nraise Silent", "utf-8")


def _command_line(chance: random.Random, folder: Path) -> list[str]:
    command = chance.choice([*OPTIONS, "run", "run", "run"])
    line = [command, *_positional(chance, command, folder)]
    options = list(OPTIONS[command])
    for option in chance.sample(options, k=chance.randrange(min(len(options), 3) + 1)):
        line.append(option)
        if values := OPTIONS[command][option]:
            line.append(_one_of(chance, values))
    if command == "run":
        keys = chance.sample(SETTINGS, k=chance.randrange(3))
        line += [f"{key}={chance.choice(HOSTILE)}" for key in keys]
    return line


def _one_of(chance: random.Random, valid: Sequence[str]) -> str:
    return chance.choice(HOSTILE if chance.random() < ODDS else valid)


def _positional(chance: random.Random, command: str, folder: Path) -> list[str]:
    places = (str(folder / "results"), str(folder / "results"), str(folder), "none", "a\udce9")
    method = chance.choice(METHODS) if chance.random() < 0.7 else _swept(chance)
    pieces = {
        "status": [_one_of(chance, places)],
        "report": [_one_of(chance, places)],
        "compare": [_one_of(chance, places), _one_of(chance, places)],
        "new": ["method", _one_of(chance, NAMES)],
        "list": [_one_of(chance, ("methods", "problems", "layers", "images", "presets"))],
        "check": [method],
        "run": ["--methods", method],
    }
    return pieces.get(command, [])


def _swept(chance: random.Random) -> str:
    return f"phantom[steps={chance.choice(HOSTILE)}]"


def _mutated(chance: random.Random, line: list[str]) -> list[str]:
    """The line with a piece deleted, doubled, replaced or moved, or as it was; then the brake."""
    command, pieces = line[0], line[1:]
    at = chance.randrange(len(pieces) + 1)
    kind = chance.choice((*4 * ("none",), "delete", "double", "insert", "shuffle", "cut"))
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
