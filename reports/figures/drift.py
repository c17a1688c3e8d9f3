"""Did the machine become slower or faster during the experiment?"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.data.grouping import WORKLOAD, completed
from reports.figures import canvas
from reports.figures.style import GREY
from reports.figures.view import View

SECTION = "diagnostics"
TITLE = "Speed of the machine during the experiment"
CAPTION = (
    "Time per training step of each run, relative to the mean over seeds of the same method and "
    "workload, against the start of the run. The seeds of a method start far apart in time, so "
    "that a trend is drift of the machine. The band is the noise floor of a single run. If many "
    "marks lie outside, the machine was busier than when the floor was measured, and times are "
    "less certain than the report states. Open marks are runs that their calibrations show to have "
    "been disturbed."
)


def data(views: list[View]) -> pd.DataFrame | None:
    """Return the deviation of each run (%) and its start, in minutes after the first one."""
    runs = relative_speeds(pd.concat([view.runs for view in views]))
    names = {"legend": "method", "minutes": "start_minutes", "percent": "deviation_percent"}
    kept = [*WORKLOAD, "legend", "seed", "minutes", "percent", "disturbed"]
    return runs[kept].rename(columns=names).reset_index(drop=True) if len(runs) else None


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw a mark per trained run of all workloads; None with one seed or without start times."""
    runs = relative_speeds(pd.concat([view.runs for view in views]))
    if runs.empty:
        return None
    figure, axes = canvas.column_axes(2.3)
    handles = {}
    for name, own in runs.groupby("legend", sort=False):
        marks = views[0].styles[str(name)].marks
        calm, other = (own[own["disturbed"] == value] for value in (False, True))
        (handles[str(name)],) = axes.plot(calm["minutes"], calm["percent"], ms=3.2, **marks)
        axes.plot(other["minutes"], other["percent"], ms=3.8, **{**marks, "mfc": "white"})
    axes.axhline(0, color=GREY, lw=0.8)
    floor, counted = views[0].dataset.floor.of(runs), f"{len(runs)} trained runs"
    if math.isfinite(floor):
        axes.axhspan(-100 * floor, 100 * floor, color=GREY, alpha=0.15, lw=0)
        outside = int((runs["percent"].abs() > 100 * floor).sum())
        counted += f", {outside} outside the band, the noise floor of {100 * floor:.1f} %"
    if disturbed := int(runs["disturbed"].sum()):
        counted += f"; open: {disturbed} disturbed"
    axes.set_xlabel("start of the run (minutes after the first run)")
    axes.set_ylabel("deviation from mean (%)")
    canvas.heading(figure, f"time per training step, all workloads: {counted}")
    canvas.legend_below(figure, list(handles.values()), list(handles))
    return figure


def relative_speeds(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with `minutes` since the first start, and `percent` from their mean time.

    Those of a method and workload with a single seed have nothing to be compared with.
    """
    started = pd.to_datetime(runs["started_at"], errors="coerce", utc=True, format="ISO8601")
    table = runs.assign(started=started, step_seconds=runs["train_seconds"] / runs["steps"])
    measured = (table["step_seconds"] > 0) & np.isfinite(table["step_seconds"])
    table = completed(table[measured & table["started"].notna()])
    seconds = table.groupby([*WORKLOAD, "legend"])["step_seconds"]
    minutes = (table["started"] - table["started"].min()).dt.total_seconds() / 60
    percent = 100 * (table["step_seconds"] / seconds.transform("mean") - 1)
    table = table.assign(minutes=minutes, percent=percent)
    return table[seconds.transform("count") > 1]
