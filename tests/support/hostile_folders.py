"""Results folders with something hostile in them, generated from a seed."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.support.strange_places import PLACES

Mutation = Callable[[Path, Path, random.Random], None]
OWN = (
    *("claims", "runs", "logs", "superseded", "checkpoints", "repeats", "report", ".lock"),
    *("gradients.csv", "slurm.json", "plan.json", "experiment.yaml", "report/figures"),
    *("report/index.html", "claims/RUN", "logs/RUN.log", "checkpoints/RUN.safetensors"),
    *("superseded/RUN.1", "runs/RUN", "runs/.tmp-RUN-1", ".tmp-plan.json-1", "repeats/runs"),
    *("repeats/experiment.yaml", "repeats/claims", "repeats/superseded", "callbacks"),
)
OF_RUN = (
    "record.json",
    "files.json",
    "curve.csv",
    "steps.csv",
    "images.csv",
    "pictures.csv",
    "samples.npz",
)
CONTENTS = (
    *(b"", b"\0" * 200, b"{", b"[" * 5000, b"null\n", b"\xff\xfe\x00", b"a: &a [*a]\n"),
    *(b"run_id,step\n", b'{"runs": {"../../x": ["a", 0]}}', b'{"curve.csv": [1e400, null]}'),
    *(b'{"jobs": {"x": "1; rm -rf /"}}', b"x" * 100_000, b"\x1b[2J\x1b]0;x\x07\n"),
)


def mutate(folder: Path, canary: Path, chance: random.Random) -> list[str]:
    """Put one to three hostile things into a folder; links lead to the canary. What was done."""
    chosen = chance.choices(MUTATIONS, k=chance.choice((1, 1, 2, 3)))
    for each in chosen:
        try:
            each(folder, canary, chance)
        except (OSError, ValueError, IndexError):
            continue  # what an earlier one has left is in the way
    return [each.__name__ for each in chosen]


def _target(folder: Path, chance: random.Random) -> Path:
    """A place where the suite keeps something, freed of what is there."""
    names = sorted(os.listdir(folder / "runs"))
    run = chance.choice(names)
    places = [name.replace("RUN", run) for name in OWN]
    path = folder / chance.choice([*places, *(f"runs/{run}/{name}" for name in OF_RUN)])
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise ValueError("an earlier link leads outside, where nothing is to be changed")
    path.parent.mkdir(exist_ok=True)
    if os.path.lexists(path):
        path.rename(folder.parent / f"aside-{chance.random()}")
    return path


def link_outside(folder: Path, canary: Path, chance: random.Random) -> None:
    """A link to the canary, or to a file or a folder in it."""
    inside = [canary, *sorted(canary.rglob("*"))]
    _target(folder, chance).symlink_to(chance.choice(inside))


def strange_place(folder: Path, canary: Path, chance: random.Random) -> None:
    """A pipe, a socket, a device, a loop of links."""
    PLACES[chance.choice(sorted(PLACES))](_target(folder, chance))


def other_kind(folder: Path, canary: Path, chance: random.Random) -> None:
    """A folder, with or without something in it."""
    path = _target(folder, chance)
    path.mkdir()
    if chance.random() < 0.5:
        (path / "something").write_text("something")


def other_content(folder: Path, canary: Path, chance: random.Random) -> None:
    """Another content, or nothing at all."""
    path = _target(folder, chance)
    if chance.random() < 0.8:
        path.write_bytes(chance.choice(CONTENTS))


def damaged_bytes(folder: Path, canary: Path, chance: random.Random) -> None:
    """A few other bytes in a file, or fewer bytes."""
    files = [path for path in sorted(folder.rglob("*")) if _is_plain(path)]
    path = chance.choice(files)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 5, 50))):
        content[chance.randrange(len(content))] = chance.choice((0, 10, 44, chance.randrange(256)))
    cut = chance.randrange(len(content)) if chance.random() < 0.4 else len(content)
    path.write_bytes(content[:cut])


def hostile_row(folder: Path, canary: Path, chance: random.Random) -> None:
    """Strange values in a row."""
    rows = [path for path in sorted(folder.rglob("record.json")) if _is_plain(path)]
    path = chance.choice(rows)
    row = json.loads(path.read_text())
    for name in chance.sample(sorted(row), 3):
        row[name] = chance.choice((None, -1, 5e-324, 1e99, 2**63, "", "../..", "\x1b[2J", [], {}))
    path.write_text(json.dumps(row))


def hostile_claim(folder: Path, canary: Path, chance: random.Random) -> None:
    """A claim of somebody, dead or garbled, on a run or on what is none."""
    if (folder / "claims").is_symlink():
        raise ValueError("an earlier link leads outside, where nothing is to be changed")
    (folder / "claims").mkdir(exist_ok=True)
    owner = {"host": "x", "machine": "x", "pid": chance.choice((1, -1, 2**70)), "started": "1"}
    name = chance.choice([*sorted(os.listdir(folder / "runs")), "x" * 200, "\u202e", "-rf"])
    content = json.dumps({**owner, "job": chance.choice(("", "1", 5))})
    (folder / "claims" / name).unlink(missing_ok=True)  # it may be a pipe
    (folder / "claims" / name).write_text(chance.choice((content, "", "{", "[" * 3000)))


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


MUTATIONS: tuple[Mutation, ...] = (
    *(link_outside, link_outside, link_outside, strange_place, strange_place, other_kind),
    *(other_content, other_content, damaged_bytes, damaged_bytes, hostile_row, hostile_claim),
)
