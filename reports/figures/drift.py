"""Did the machine become slower or faster during the experiment?"""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.records import COMPLETED
from reports.figures.canvas import column_axes, heading, legend_below, themed
from reports.data.grouping import PLACE
from reports.data.noise import noise_floor
from reports.figures.view import View

NAME = "drift"
SECTION = "diagnostics"
TITLE = "Speed of the machine during the experiment"
EXPLANATION = (
    "Each trained run at its start: its time per training step against the mean of the same "
    "method, problem and size over seeds. Seeds of a method are far apart in time, so that a trend "
    "is drift of the machine. The band is the measured noise floor of a single run: where many "
    "marks are outside, the machine was busier than when the floor was measured, and the report's "
    "times are less certain than it says."
)


@themed
def draw(views: list[View]) -> Figure | None:
    """Draw a mark per trained run of all places; None with one seed or without start times."""
    runs = relative_speeds(pd.concat([view.runs for view in views]))
    if runs.empty:
        return None
    figure, axes = column_axes(2.3)
    styles = views[0].styles
    legends = list(dict.fromkeys(runs["legend"]))
    for name in legends:
        own, style = runs[runs["legend"] == name], styles[name]
        axes.plot(
            own["minutes"], own["percent"], ls="", marker=style.marker, color=style.color, ms=3.2
        )
    axes.axhline(0, color="#8a8a8a", lw=0.8)
    floor = noise_floor(views[0].results.experiment)
    if math.isfinite(floor):
        axes.axhspan(-100 * floor, 100 * floor, color="#8a8a8a", alpha=0.15, lw=0)
    axes.set_xlabel("start of the run (minutes after the first run)")
    axes.set_ylabel("off its mean (%)")
    heading(figure, f"time of a step, all problems and sizes: {_counted(runs, floor)}")
    handles = [
        Line2D([], [], ls="", marker=styles[name].marker, color=styles[name].color)
        for name in legends
    ]
    legend_below(figure, list(handles), legends)
    return figure


def _counted(runs: pd.DataFrame, floor: float) -> str:
    """How many runs are shown, and how many of them the noise floor does not explain."""
    trained = f"{len(runs)} trained runs"
    if not math.isfinite(floor):
        return trained
    outside = int((runs["percent"].abs() > 100 * floor).sum())
    return f"{trained}, {outside} outside the band, the noise floor of {100 * floor:.1f} %"


def relative_speeds(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with `minutes` since the first start, and `percent` from their mean time.

    Those of a method, problem and size with a single seed have nothing to be compared with.
    """
    started = pd.to_datetime(runs["started_at"], errors="coerce", utc=True, format="ISO8601")
    table = runs.assign(started=started, step_seconds=runs["train_seconds"] / runs["steps"])
    table = table[(table["status"] == COMPLETED) & (table["step_seconds"] > 0)]
    table = table[table["started"].notna()]
    mean = table.groupby([*PLACE, "legend"])["step_seconds"].transform("mean")
    count = table.groupby([*PLACE, "legend"])["step_seconds"].transform("count")
    minutes = (table["started"] - table["started"].min()).dt.total_seconds() / 60
    table = table.assign(minutes=minutes, percent=100 * (table["step_seconds"] / mean - 1))
    several: pd.DataFrame = table[count > 1]
    return several
