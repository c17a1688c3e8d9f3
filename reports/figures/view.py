"""What a figure looks at: one problem and size of a results folder, with labels and styles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from bench.records import COMPLETED, Results
from reports.data.circumstances import at_a_time
from reports.data.labels import TIMES, counted, printable, with_labels
from reports.data.spread import CONVERGED_ENOUGH
from reports.figures.style import MethodStyle, method_styles
from reports.data.targets import resolve_target
from reports.data.times import times_to_target

MOST_METHODS = 40  # in a figure
MOST_NAMED = 6  # of them in a heading


@dataclass(frozen=True)
class View:
    """The runs of one problem and size; `runs` has label, legend, target, below and reached."""

    results: Results
    problem: str
    size: int
    runs: pd.DataFrame
    curves: pd.DataFrame
    styles: dict[str, MethodStyle]
    target: str

    @property
    def place(self) -> str:
        """The problem and size in words, for titles."""
        return f"{printable(self.problem)}, {self.size}{TIMES}{self.size} px"

    @property
    def completed(self) -> pd.DataFrame:
        """The runs that ended well."""
        return self.runs[self.runs["status"] == COMPLETED]

    @property
    def legends(self) -> list[str]:
        """The methods in reporting order, failed ones included."""
        return list(dict.fromkeys(self.runs["legend"]))

    def named(self, legends: Iterable[str]) -> list[str]:
        """Return legends as a figure writes them, `!` after those not read at a fixed point."""
        return [f"{name} !" if name in self.unconverged else name for name in legends]

    def flag_note(self, legends: Iterable[str]) -> str:
        """Return what `!` means, to be added to a heading; empty where there is none."""
        return "; !: not read at a fixed point" if self.unconverged & set(legends) else ""

    @property
    def timed_note(self) -> str:
        """Return that times were measured under concurrency, for a heading; empty if not."""
        most = at_a_time(self.runs)
        return f"; timed with up to {most} runs at a time" if most > 1 else ""

    @property
    def unconverged(self) -> set[str]:
        """The methods of which a run has its final PSNR from an unconverged fixed point."""
        worst = self.completed.groupby("legend")["forward_converged_fraction"].min()
        return set(worst.index[worst < CONVERGED_ENOUGH])

    def failure(self, legend: str) -> str:
        """Return why a method has no completed run: its statuses in words."""
        statuses = dict.fromkeys(self.runs.loc[self.runs["legend"] == legend, "status"])
        return ", ".join(status.replace("_", " ") for status in statuses)


def views(results: Results, target: str) -> list[View]:
    """Return a view per problem and size; styles are shared, so a colour means one method."""
    if results.runs.empty:
        return []
    runs = with_labels(results.runs)
    styles = method_styles(runs)
    runs["psnr_target"] = runs["run_id"].map(resolve_target(results.runs, target))
    times = times_to_target(results, target).drop(columns="target")
    runs = runs.merge(times, on="run_id", how="left")
    runs = runs[_drawable(runs)]
    return [
        View(
            results=results,
            problem=str(problem),
            size=int(str(size)),
            runs=group,
            curves=results.curves[results.curves["run_id"].isin(group["run_id"])],
            styles=styles,
            target=target,
        )
        for (problem, size), group in runs.groupby(["problem", "size"], sort=False)
    ]


def _drawable(runs: pd.DataFrame) -> pd.Series[bool]:
    """Which runs are of the first MOST_METHODS of their problem and size; tables hold the rest."""
    places = [runs["problem"], runs["size"]]
    first = runs["legend"].ne(runs.groupby(places)["legend"].shift())
    return first.groupby(places).cumsum() <= MOST_METHODS


def seeds_text(runs: pd.DataFrame) -> str:
    """Return how many seeds are shown, exceptions named: `2 seeds (unrolling: 1)`."""
    counts = runs.groupby("legend", sort=False).size().to_dict()
    if not counts:
        return "no completed run"
    usual = Counter(counts.values()).most_common(1)[0][0]
    unlike = [f"{name}: {count}" for name, count in counts.items() if count != usual]
    others = ", ".join([*unlike[:MOST_NAMED], *(["…"] if len(unlike) > MOST_NAMED else [])])
    return counted(usual, "seed") + (f" ({others})" if others else "")
