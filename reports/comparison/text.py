"""A comparison as text for a terminal, and as rows for a CSV file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from reports.comparison import measures
from reports.comparison.changes import ALL, Change, Group
from reports.comparison.matching import WORKLOAD, Matching, named_runs
from reports.comparison.verdict import Limits, is_regression
from reports.format import MEBIBYTE, NONE, fixed, plain, printable, terminal_lines, terminal_table

Changes = Mapping[measures.Measure, Change]  # of one group
_HEADS = ("problem", "size (px)", "noise", "layer")  # of WORKLOAD


def table(changes: Sequence[Change], limits: Limits) -> pd.DataFrame:
    """Return a row per group and measure; `change` is B - A (dB) for psnr, else the ratio B/A."""
    return pd.DataFrame(
        {
            **dict(zip((*WORKLOAD, "method"), change.group or ("all",) * 5, strict=True)),
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
    )


def differing(differences: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what differs between the experiments, a heading and a line each."""
    if not differences:
        return ["machine, versions, commit and settings are equal"]
    lines = ["what differs (A → B)"]
    for heading, each in differences.items():
        lines += [f"  {'' if at else heading:10}{line}" for at, line in enumerate(each)]
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
    return terminal_lines(*lines)


def quality(changes: Sequence[Change]) -> list[str]:
    """Return the table of PSNR and memory, which compare between machines."""
    psnr, memory = measures.PSNR, measures.MEMORY
    columns = {
        "PSNR A (dB)": _of(psnr, lambda change: fixed(change.a, 2)),
        "PSNR B (dB)": _of(psnr, lambda change: fixed(change.b, 2)),
        "B - A (dB)": _of(psnr, _difference),
        "memory A (MiB)": _of(memory, lambda change: fixed(change.a / MEBIBYTE, 2)),
        "memory B (MiB)": _of(memory, lambda change: fixed(change.b / MEBIBYTE, 2)),
        "memory B/A": _of(memory, lambda change: fixed(change.change.estimate, 2)),
    }
    caption = "means over pairs of seeds [95 % Student interval of the paired difference]"
    lines = _table("quality and memory", caption, changes, (psnr, memory), columns)
    return lines or ["quality: no pair of completed runs"]


def times(changes: Sequence[Change], floor: float) -> list[str]:
    """Return the table of time ratios, and what is known of their noise."""
    columns = {measure.name: _of(measure, _ratio) for measure in measures.TIMES}
    over = "geometric means over pairs of seeds [95 % Student interval]"
    caption = f"ratio B/A, above 1: B is slower; {over}"
    lines = _table("times", caption, changes, measures.TIMES, columns)
    if not lines:
        return ["times: no pair of completed runs has one"]
    noise = f"~ within the noise floor: ± {100 * floor:.2g} % of one run, divided by √pairs"
    if math.isnan(floor):
        noise = "no noise floor was measured for these runs: `bench doctor` measures one"
    return [*lines, *terminal_lines(noise)]


def _table(
    title: str,
    caption: str,
    changes: Sequence[Change],
    of: Sequence[measures.Measure],
    columns: Mapping[str, Callable[[Changes], str]],
) -> list[str]:
    """Return the groups that have one of the measures as a table, all together last."""
    rows: dict[Group, dict[measures.Measure, Change]] = {}
    for change in changes:
        if change.measure in of:
            rows.setdefault(change.group, {})[change.measure] = change
    together = rows.pop(ALL, None)
    if not rows:
        return []
    shown, common = _workloads(list(rows))
    if together and len(rows) > 1:
        rows[ALL] = together
        shown = {head: [*values, NONE] for head, values in shown.items()}
    shown["method"] = [str(group[-1]) if group else "all" for group in rows]
    shown["pairs"] = [str(max(each.pairs for each in row.values())) for row in rows.values()]
    shown |= {head: [write(row) for row in rows.values()] for head, write in columns.items()}
    kept = {head: values for head, values in shown.items() if set(values) != {NONE}}
    heading = f"{title}: {', '.join(common)}" if common else title
    aligned = terminal_table(pd.DataFrame(kept, dtype="str"))
    return [*terminal_lines(heading, caption), "", *aligned.splitlines()]


def _workloads(groups: Sequence[Group]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the columns that differ between groups, and in words those that do not.

    A method without a layer differs from none.
    """
    shown, common = {}, []
    for at, head in enumerate(_HEADS):
        values = [_value(group[at]) for group in groups]
        distinct = dict.fromkeys(values)
        if head == "layer":
            distinct.pop(NONE, None)
        if len(distinct) > 1:
            shown[head] = values
        else:
            common += [f"{head.partition(' (')[0]} {value}" for value in distinct if value != NONE]
    return shown, common


def _value(value: object) -> str:
    if value is None or value == "":
        return NONE
    return plain(value) if isinstance(value, float) else printable(value)


def _of(measure: measures.Measure, write: Callable[[Change], str]) -> Callable[[Changes], str]:
    return lambda row: write(row[measure]) if measure in row else NONE


def _difference(change: Change) -> str:
    value = change.change
    bounds = f"[{_signed(value.low)}, {_signed(value.high)}]" if value.known else "[?]"
    return f"{_signed(value.estimate)} {bounds:>14}"


def _signed(value: float) -> str:
    return f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"


def _ratio(change: Change) -> str:
    value = change.change
    bounds = f"[{value.low:.2f}, {value.high:.2f}]" if value.known else "[?]"
    return f"{value.estimate:.2f}{'~' if change.within_noise else ' '} {bounds:>12}"
