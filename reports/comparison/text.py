"""A comparison as text: for the console, readable at 120 columns, and as rows for a CSV file."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence

import pandas as pd

from reports.comparison.changes import (
    ALL,
    BACKWARD,
    FORWARD,
    MEMORY,
    PSNR,
    RECONSTRUCTION,
    TRAINING_STEP,
    Cell,
    Change,
    Measure,
)
from reports.comparison.matching import CELL, Matching, named_runs
from reports.comparison.verdict import Limits, is_regression
from reports.data.labels import NONE, TIMES, plain, printable
from reports.format import aligned

MEBIBYTE = 2**20
_WIDTH = 120
_TIMES = {
    TRAINING_STEP: "training step",
    FORWARD: "forward",
    BACKWARD: "backward",
    RECONSTRUCTION: "image",
}
_HEADINGS = {"problem": "problem", "size": "size", "noise_sigma": "noise", "layer": "layer"}
Found = dict[tuple[Cell, Measure], Change]


def table(changes: Sequence[Change], limits: Limits) -> pd.DataFrame:
    """Return a row per cell and measure; `change` is B - A (dB) for psnr, else the ratio B/A."""
    rows = [
        {
            **dict(zip((*CELL, "method"), change.cell or ("all",) * 5, strict=True)),
            "measure": change.measure.name,
            "unit": change.measure.unit,
            "pairs": change.pairs,
            "a": change.a,
            "b": change.b,
            "change": change.change.estimate,
            "low": change.change.low,
            "high": change.change.high,
            "within_noise": change.within_noise,
            "regression": is_regression(change, limits),
        }
        for change in changes
    ]
    return pd.DataFrame(rows)


def differing(differences: dict[str, list[str]]) -> list[str]:
    """Return what differs between the experiments, a heading and a line each."""
    if not differences:
        return ["machine, versions, commit and settings are equal"]
    lines = ["what differs (A → B)"]
    for heading, each in differences.items():
        headings = [heading, *[""] * (len(each) - 1)]
        lines += [f"  {name:10}{line}" for name, line in zip(headings, each, strict=True)]
    return lines


def matched(matching: Matching) -> list[str]:
    """Return how many runs are paired, and which are not: a line per folder."""
    completed = sum(pair.completed for pair in matching.pairs)
    total = len(matching.pairs)
    lines = [f"{total} pairs of runs" + (f", {completed} completed" if completed < total else "")]
    for folder, runs in (("A", matching.only_a), ("B", matching.only_b)):
        if runs:
            lines.append(f"only in {folder}, {len(runs)} not compared: {named_runs(runs)}")
    unfinished = [pair.b for pair in matching.pairs if not pair.completed]
    if unfinished:
        lines.append(f"not completed in A, in B or in both: {named_runs(unfinished)}")
    return [piece for line in lines for piece in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def quality(changes: Sequence[Change]) -> list[str]:
    """Return the table of PSNR and memory, which compare between machines."""
    found = _by_cell(changes)
    cells = _cells(found, (PSNR, MEMORY))
    if not cells:
        return ["quality: no pair of completed runs"]
    columns: dict[str, Callable[[Cell], str]] = {
        "pairs": lambda cell: _count(found, cell, (PSNR, MEMORY)),
        "PSNR A": lambda cell: _mean(found.get((cell, PSNR)), "a"),
        "PSNR B": lambda cell: _mean(found.get((cell, PSNR)), "b"),
        "B - A (dB)": lambda cell: _psnr(found.get((cell, PSNR))),
        "MiB A": lambda cell: _mean(found.get((cell, MEMORY)), "a", MEBIBYTE),
        "MiB B": lambda cell: _mean(found.get((cell, MEMORY)), "b", MEBIBYTE),
        "memory B/A": lambda cell: _plain_ratio(found.get((cell, MEMORY))),
    }
    return [
        f"quality and memory{_where(cells)}",
        "means over pairs of seeds [95 % interval of the paired difference, Student's]",
        "",
        *_aligned(cells, columns),
    ]


def times(changes: Sequence[Change], floor: float) -> list[str]:
    """Return the table of time ratios, and what is known of their noise."""
    found = _by_cell(changes)
    cells = _cells(found, tuple(_TIMES))
    if not cells:
        return ["times: no pair of completed runs has one"]
    columns: dict[str, Callable[[Cell], str]] = {
        "pairs": lambda cell: _count(found, cell, tuple(_TIMES)),
        **{heading: _ratio_of(found, measure) for measure, heading in _TIMES.items()},
    }
    return [
        f"times{_where(cells)}",
        "B/A, above 1 B is slower: geometric mean over pairs of seeds [95 % interval, Student's]",
        "",
        *_aligned(cells, columns),
        _noise(floor),
    ]


def _noise(floor: float) -> str:
    if math.isnan(floor):
        return "no noise floor was measured for these runs: `bench doctor` measures one"
    return f"~ within noise: ± {100 * floor:.2g} % of one run, divided by √pairs"


def _by_cell(changes: Sequence[Change]) -> Found:
    return {(change.cell, change.measure): change for change in changes}


def _cells(found: Found, measures: Sequence[Measure]) -> list[Cell]:
    """Return the cells that have one of the measures, all together last."""
    wanted = {cell for cell, measure in found if measure in measures}
    cells = [cell for cell in dict.fromkeys(cell for cell, _ in found) if cell in wanted]
    single = [cell for cell in cells if cell != ALL]
    return [*single, ALL] if len(single) > 1 else single


def _where(cells: list[Cell]) -> str:
    """Return what the columns that are the same in every row would say: `, size 32, …`."""
    constant = [name for name in CELL if name not in _varying(cells)]
    first = {name: _place(cells[0], at) for at, name in enumerate(CELL)}
    layers = {_place(cell, CELL.index("layer")) for cell in cells if cell} - {NONE}
    first["layer"] = next(iter(layers), NONE)
    told = [f"{_HEADINGS[name]} {first[name]}" for name in constant if first[name] != NONE]
    return ": " + ", ".join(told) if told else ""


def _varying(cells: list[Cell]) -> list[str]:
    """Return the parts of a place that differ; a method without a layer differs from none."""
    values = {name: {_place(cell, at) for cell in cells if cell} for at, name in enumerate(CELL)}
    values["layer"] -= {NONE}
    return [name for name in CELL if len(values[name]) > 1]


def _aligned(cells: list[Cell], columns: dict[str, Callable[[Cell], str]]) -> list[str]:
    shown = {
        _HEADINGS[name]: [_place(cell, CELL.index(name)) for cell in cells]
        for name in _varying(cells)
    }
    shown["method"] = [str(cell[-1]) if cell else "all" for cell in cells]
    shown |= {heading: [write(cell) for cell in cells] for heading, write in columns.items()}
    kept = {name: values for name, values in shown.items() if set(values) != {NONE}}
    return aligned(pd.DataFrame(kept, dtype="str"))


def _place(cell: Cell, at: int) -> str:
    value = cell[at] if cell else None
    if value is None or value == "":
        return NONE
    return plain(value) if isinstance(value, float) else printable(value)


def _count(found: Found, cell: Cell, measures: Sequence[Measure]) -> str:
    return str(max(found[cell, each].pairs for each in measures if (cell, each) in found))


def _mean(change: Change | None, side: str, unit: float = 1) -> str:
    return NONE if change is None else f"{getattr(change, side) / unit:.2f}"


def _psnr(change: Change | None) -> str:
    if change is None:
        return NONE
    value = change.change
    bounds = f"[{_signed(value.low)}, {_signed(value.high)}]" if value.known else "[?]"
    return f"{_signed(value.estimate)} {bounds:>14}"


def _signed(value: float) -> str:
    return f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"


def _plain_ratio(change: Change | None) -> str:
    return NONE if change is None else f"{TIMES} {change.change.estimate:.2f}"


def _ratio_of(found: Found, measure: Measure) -> Callable[[Cell], str]:
    def write(cell: Cell) -> str:
        change = found.get((cell, measure))
        if change is None:
            return NONE
        value = change.change
        bounds = f"[{value.low:.2f}, {value.high:.2f}]" if value.known else "[?]"
        return f"{value.estimate:.2f}{'~' if change.within_noise else ' '} {bounds:>12}"

    return write
