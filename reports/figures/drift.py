"""Did the machine become slower or faster during the experiment?"""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from reports.data.grouping import WORKLOAD, completed
from reports.figures import canvas
from reports.figures.style import GREY
from reports.figures.view import View

NAME = "drift"
SECTION = "diagnostics"
TITLE = "Speed of the machine during the experiment"
CAPTION = (
    "Time per training step of each run, relative to the mean over seeds of the same method and "
    "workload, against the start of the run. The seeds of a method start far apart in time, so "
    "that a trend is drift of the machine. The band is the noise floor of a single run. If many "
    "marks lie outside, the machine was busier than when the floor was measured, and times are "
    "less certain than the report states."
)


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw a mark per trained run of all workloads; None with one seed or without start times."""
    runs = relative_speeds(pd.concat([view.runs for view in views]))
    if runs.empty:
        return None
    figure, axes = canvas.column_axes(2.3)
    legends = list(dict.fromkeys(runs["legend"]))
    handles = []
    for name in legends:
        own = runs[runs["legend"] == name]
        handles += axes.plot(own["minutes"], own["percent"], ms=3.2, **views[0].styles[name].marks)
    axes.axhline(0, color=GREY, lw=0.8)
    floor = views[0].dataset.floor.of(runs)
    if math.isfinite(floor):
        axes.axhspan(-100 * floor, 100 * floor, color=GREY, alpha=0.15, lw=0)
    axes.set_xlabel("start of the run (minutes after the first run)")
    axes.set_ylabel("deviation from mean (%)")
    canvas.heading(figure, f"time per training step, all workloads: {_count(runs, floor)}")
    canvas.legend_below(figure, list(handles), legends)
    return figure


def _count(runs: pd.DataFrame, floor: float) -> str:
    """How many runs are shown, and how many of them the noise floor does not explain."""
    trained = f"{len(runs)} trained runs"
    if not math.isfinite(floor):
        return trained
    outside = int((runs["percent"].abs() > 100 * floor).sum())
    return f"{trained}, {outside} outside the band, the noise floor of {100 * floor:.1f} %"


def relative_speeds(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with `minutes` since the first start, and `percent` from their mean time.

    Those of a method and workload with a single seed have nothing to be compared with.
    """
    started = pd.to_datetime(runs["started_at"], errors="coerce", utc=True, format="ISO8601")
    table = runs.assign(started=started, step_seconds=runs["train_seconds"] / runs["steps"])
    table = completed(table[(table["step_seconds"] > 0) & table["started"].notna()])
    seconds = table.groupby([*WORKLOAD, "legend"])["step_seconds"]
    minutes = (table["started"] - table["started"].min()).dt.total_seconds() / 60
    percent = 100 * (table["step_seconds"] / seconds.transform("mean") - 1)
    several: pd.DataFrame = table.assign(minutes=minutes, percent=percent)[
        seconds.transform("count") > 1
    ]
    return several
