"""What a figure looks at: one workload of a dataset, or measured gradients, with their styles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from reports.data.circumstances import most_at_a_time
from reports.data.dataset import Dataset
from reports.data.gradients import GradientData
from reports.data.grouping import WORKLOAD, completed, unconverged_methods
from reports.figures.style import MethodStyle, method_styles
from reports.format import TIMES, counted, listed, printable

MOST_METHODS = 40  # in a figure
MOST_NAMED = 6  # of them in a heading


@dataclass(frozen=True)
class View:
    """The runs of one workload, as a dataset has them, and the styles of all its methods."""

    dataset: Dataset
    problem: str
    size: int
    runs: pd.DataFrame
    curves: pd.DataFrame
    styles: dict[str, MethodStyle]

    @property
    def title(self) -> str:
        """The workload in words."""
        return f"{printable(self.problem)}, {self.size}{TIMES}{self.size} px"

    @property
    def workload(self) -> tuple[str, int]:
        """The workload as a pool names it."""
        return self.problem, self.size

    @property
    def completed(self) -> pd.DataFrame:
        """The runs that ended well."""
        return completed(self.runs)

    @property
    def trained(self) -> pd.DataFrame:
        """The runs with a time to the target, reached or censored."""
        return self.runs[self.runs["below"].notna() & self.runs["reached"].notna()]

    @property
    def legends(self) -> list[str]:
        """The methods in reporting order, failed ones included."""
        return list(dict.fromkeys(self.runs["legend"]))

    @property
    def unconverged(self) -> set[str]:
        """The methods of which a run has its final PSNR from an unconverged fixed point."""
        return unconverged_methods(self.runs)

    def named(self, legends: Iterable[str]) -> list[str]:
        """Return legends as a figure writes them, `!` after the unconverged ones."""
        return flagged(legends, self.unconverged)

    def flags(self, legends: Iterable[str]) -> str:
        """Return what `!` means, for a heading of a figure without times; empty without one."""
        return flag_note(legends, self.unconverged)

    def notes(self, legends: Iterable[str]) -> str:
        """Return what `!` means and whether runs were concurrent, where needed, for a heading."""
        return self.flags(legends) + self.timing_note

    @property
    def timing_note(self) -> str:
        """Return what is unusual about the times, for a heading: concurrency, disturbed runs."""
        most, disturbed = most_at_a_time(self.runs), int(self.runs["disturbed"].sum())
        return (f"; timed with up to {most} concurrent runs" if most > 1 else "") + (
            f"; {counted(disturbed, 'disturbed run')}" if disturbed else ""
        )

    def failure(self, legend: str) -> str:
        """Return why a method has no completed run: its statuses in words."""
        statuses = dict.fromkeys(self.runs.loc[self.runs["legend"] == legend, "status"])
        return ", ".join(status.replace("_", " ") for status in statuses)


def views(dataset: Dataset) -> list[View]:
    """Return a view per workload; styles are shared, so that a colour means one method."""
    styles, curves = method_styles(dataset.runs), dataset.results.curves
    found = []
    runs = dataset.runs[_drawable(dataset.runs)]
    for (problem, size), group in runs.groupby(WORKLOAD, sort=False):
        own = curves[curves["run_id"].isin(group["run_id"])]
        found.append(View(dataset, str(problem), int(str(size)), group, own, styles))
    return found


def _drawable(runs: pd.DataFrame) -> pd.Series[bool]:
    """Which runs are of the first MOST_METHODS of their workload; tables hold the rest."""
    workload = [runs[name] for name in WORKLOAD]
    first = runs["legend"].ne(runs.groupby(workload)["legend"].shift())
    return first.groupby(workload).cumsum() <= MOST_METHODS


def flagged(legends: Iterable[str], unconverged: set[str]) -> list[str]:
    """Return legends with `!` after the unconverged ones."""
    return [f"{name} !" if name in unconverged else name for name in legends]


def flag_note(legends: Iterable[str], unconverged: set[str]) -> str:
    """Return what `!` means, to be added to a heading; empty where there is none."""
    return "; !:\N{NO-BREAK SPACE}unconverged fixed point" if unconverged & set(legends) else ""


def seeds_text(runs: pd.DataFrame) -> str:
    """Return how many seeds are shown, exceptions named: `2 seeds (unrolling: 1)`."""
    counts = runs.groupby("legend", sort=False).size().to_dict()
    if not counts:
        return "no completed run"
    usual = Counter(counts.values()).most_common(1)[0][0]
    unlike = [f"{name}: {count}" for name, count in counts.items() if count != usual]
    others = listed(unlike, MOST_NAMED)
    return counted(usual, "seed") + (f" ({others})" if others else "")


@dataclass(frozen=True)
class GradientView(GradientData):
    """The measurements of one problem and layer, with the styles of all methods."""

    styles: dict[str, MethodStyle]


def gradient_views(data: Sequence[GradientData]) -> list[GradientView]:
    """Return the measurements with styles, shared so that a colour means one method."""
    if not data:
        return []
    table = pd.concat([each.table for each in data])
    styles = method_styles(table.assign(legend=table["line"]))
    styles |= method_styles(table[table["shown"]])
    return [GradientView(**vars(each), styles=styles) for each in data]
