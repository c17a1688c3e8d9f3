"""A comparison as text for a terminal, and as rows for a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from reports.comparison import measures
from reports.comparison.changes import Group
from reports.comparison.matching import WORKLOAD, Matching, named_runs
from reports.comparison.verdict import Judged
from reports.format import MEBIBYTE, NONE, fixed, plain, printable, terminal_lines, terminal_table
from reports.stats import verdicts

Row = Mapping[measures.Measure, Judged]  # of one group
_HEADS = ("problem", "size (px)", "noise", "layer")  # of WORKLOAD
_MARKS = {verdicts.SAME: "=", verdicts.INCONCLUSIVE: "?", verdicts.BETTER: "+", verdicts.WORSE: "!"}
MEANING = "! worse, + better, = the same within the limit, ? inconclusive"


def table(judged: Sequence[Judged]) -> pd.DataFrame:
    """Return a row per group and measure; `change` is B - A (dB) for psnr, else the ratio B/A."""
    return pd.DataFrame(
        {
            **dict(zip((*WORKLOAD, "method"), each.change.group, strict=True)),
            "measure": each.change.measure.name,
            "unit": each.change.measure.unit,
            "pairs": each.change.pairs,
            "a": each.change.a,
            "b": each.change.b,
            "change": each.change.interval.estimate,
            "low": each.change.interval.low,
            "high": each.change.interval.high,
            "verdict": each.verdict,
            "seeds_needed": each.seeds,
            "regression": each.verdict == verdicts.WORSE,
        }
        for each in judged
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
    if any(pair.other_images for pair in matching.pairs):
        lines.append(
            "PSNR is not compared: the records of one folder are older, and of other test images"
        )
    unfinished = [pair.b for pair in matching.pairs if not pair.completed]
    if unfinished:
        lines.append(f"not completed in A, in B or in both: {named_runs(unfinished)}")
    return terminal_lines(*lines)


def quality(judged: Sequence[Judged], *, images: bool) -> list[str]:
    """Return the table of PSNR and memory, which compare between machines."""
    psnr, memory = measures.PSNR, measures.MEMORY
    columns = {
        "PSNR A (dB)": _of(psnr, lambda each: fixed(each.change.a, 2)),
        "PSNR B (dB)": _of(psnr, lambda each: fixed(each.change.b, 2)),
        "B - A (dB)": _of(psnr, _difference),
        "memory A (MiB)": _of(memory, lambda each: fixed(each.change.a / MEBIBYTE, 2)),
        "memory B (MiB)": _of(memory, lambda each: fixed(each.change.b / MEBIBYTE, 2)),
        "memory B/A": _of(
            memory, lambda each: _marked(fixed(each.change.interval.estimate, 2), each)
        ),
    }
    over = "pairs of seeds and test images" if images else "pairs of seeds"
    caption = f"means over pairs of seeds [95 % interval of the difference over {over}]"
    lines = _table("quality and memory", caption, judged, (psnr, memory), columns)
    return lines or ["quality: no pair of completed runs"]


def times(judged: Sequence[Judged], floors: Sequence[str]) -> list[str]:
    """Return the table of time ratios, and what is known of their noise."""
    columns = {measure.name: _of(measure, _ratio) for measure in measures.TIMES}
    caption = "ratio B/A, above 1: B is slower; geometric means over pairs of seeds [95 % interval]"
    lines = _table("times", caption, judged, measures.TIMES, columns)
    if not lines:
        return ["times: no pair of completed runs has one"]
    return [*lines, *terminal_lines(*floors)]


def _table(
    title: str,
    caption: str,
    judged: Sequence[Judged],
    of: Sequence[measures.Measure],
    columns: Mapping[str, Callable[[Row], str]],
) -> list[str]:
    """Return the groups that have one of the measures as a table."""
    rows: dict[Group, dict[measures.Measure, Judged]] = {}
    for each in judged:
        if each.change.measure in of:
            rows.setdefault(each.change.group, {})[each.change.measure] = each
    if not rows:
        return []
    shown, common = _workloads(list(rows))
    shown["method"] = [str(group[-1]) for group in rows]
    shown["pairs"] = [str(max(each.change.pairs for each in row.values())) for row in rows.values()]
    shown |= {head: [write(row) for row in rows.values()] for head, write in columns.items()}
    kept = {head: values for head, values in shown.items() if set(values) != {NONE}}
    heading = f"{title}: {', '.join(common)}" if common else title
    aligned = terminal_table(pd.DataFrame(kept, dtype="str"))
    return [*terminal_lines(heading, caption, MEANING), "", *aligned.splitlines()]


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


def _of(measure: measures.Measure, write: Callable[[Judged], str]) -> Callable[[Row], str]:
    return lambda row: write(row[measure]) if measure in row else NONE


def _difference(judged: Judged) -> str:
    value = judged.change.interval
    bounds = f"[{_signed(value.low)}, {_signed(value.high)}]" if value.known else "[?]"
    return _marked(f"{_signed(value.estimate)} {bounds:>14}", judged)


def _signed(value: float) -> str:
    return f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"


def _ratio(judged: Judged) -> str:
    value = judged.change.interval
    bounds = f"[{value.low:.2f}, {value.high:.2f}]" if value.known else "[?]"
    return _marked(f"{value.estimate:.2f} {bounds:>12}", judged)


def _marked(text: str, judged: Judged) -> str:
    return f"{text} {_MARKS.get(judged.verdict, ' ')}"
