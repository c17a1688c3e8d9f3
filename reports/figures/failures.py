"""Where each method fails: runs that did not complete, or ended at an unconverged fixed point."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.records import COMPLETED
from reports.data.grouping import CONVERGED_ENOUGH
from reports.figures import canvas
from reports.figures.layout import layout
from reports.figures.view import View
from reports.format import TIMES, counted, printable

SECTION = "diagnostics"
TITLE = "Where methods fail"
CAPTION = (
    "Runs that did not complete (out of memory, diverged, timeout or error), and completed ones "
    f"whose PSNR was read where fewer than {100 * CONVERGED_ENOUGH:.0f} % of the fixed points had "
    "been found to the tolerance, of all runs that were made of a method on a workload: problem, "
    "size, layer and network; the seeds instead where there is a single workload. The colour is "
    "the share of both. Unrolling stops after a fixed number of steps, converged or not. Empty: no "
    "run was made."
)
_CELL, _NAMES = 0.42, 0.8  # inches of a cell, and of the names of methods
_NAME = 30  # characters of a place
SEED = "seed"


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw a cell per method and place, with its counts; None where nothing failed."""
    table = data(views)
    if table is None:
        return None
    few = table["place"].nunique() <= _across(layout().width)
    width = layout().width if few else layout().widest
    places = _shown(table, _across(width))
    shown = table[table["place"].isin(places)]
    rows = list(dict.fromkeys(shown["method"]))
    shares = _pivot(shown, "share", rows, places).to_numpy(np.float64)
    texts = _pivot(shown.assign(text=_texts(shown)), "text", rows, places).fillna("").to_numpy()
    figure = Figure(figsize=(width, 1.1 + 0.21 * len(rows)), layout="constrained")
    axes = figure.subplots()
    _map(axes, shares, texts)
    axes.set_yticks(np.arange(len(rows)) + 0.5, [canvas.wrapped(name, 24) for name in rows])
    axes.set_xticks(np.arange(len(places)) + 0.5, [canvas.wrapped(name, 18) for name in places])
    axes.tick_params(axis="y", rotation=0)
    axes.tick_params(axis="x", rotation=0 if max(map(len, places)) <= len("seed 10") else 90)
    failed, unconverged = int(table["failed"].sum()), int(table["unconverged"].sum())
    left_out = table["place"].nunique() - len(places)
    more = f"; {counted(left_out, 'workload')} with fewer left out" if left_out else ""
    canvas.heading(
        figure,
        f"{counted(failed, 'run')} of {int(table['runs'].sum())} not completed ({TIMES}), "
        f"{unconverged} at an unconverged fixed point (!){more}",
    )
    return figure


def data(views: list[View]) -> pd.DataFrame | None:
    """Return a row per method and place: runs, failed, unconverged (counts) and their share.

    A place is a workload with its layer and network, or a seed where there is one workload. None
    where no run failed.
    """
    runs = pd.concat([view.runs for view in views])
    runs = runs[runs["status"] != "skipped"]
    failed = runs["status"] != COMPLETED
    unconverged = ~failed & (runs["forward_converged_fraction"] < CONVERGED_ENOUGH)
    if not (failed | unconverged).any():
        return None
    names = runs["legend"] if len(views) == 1 else runs["label"]
    marked = runs.assign(place=_places(runs, len(views)), name=names)
    marked = marked.assign(failed=failed, unconverged=unconverged)
    groups = marked.groupby(["name", "place"], sort=False)[["failed", "unconverged"]]
    table = groups.sum().assign(runs=groups.size())
    table["share"] = (table["failed"] + table["unconverged"]) / table["runs"]
    return table.reset_index().rename(columns={"name": "method"})


def _places(runs: pd.DataFrame, workloads: int) -> list[str]:
    """Return the place of each run, in words of what tells the places apart."""
    if workloads == 1:
        return [f"{SEED} {seed}" for seed in runs["seed"]]
    parts = {
        "problem": [printable(name, _NAME) for name in runs["problem"]],
        "size": [f"{size}\N{NO-BREAK SPACE}px" for size in runs["size"]],
        "layer": [printable(name, _NAME) or "no layer" for name in runs["layer"]],
    }
    if runs.loc[runs["layer"] != "", "layer"].nunique() < 2:
        del parts["layer"]
    differing = [words for words in parts.values() if len(set(words)) > 1]
    return [", ".join(words) for words in zip(*differing, strict=True)]


def _across(width: float) -> int:
    """Return how many cells a figure of a width (inches) has room for."""
    return int((width - _NAMES) / _CELL)


def _shown(table: pd.DataFrame, most: int) -> list[str]:
    """Return the places that are drawn, in their order: at most so many, those that fail most."""
    bad = (table["failed"] + table["unconverged"]).groupby(table["place"], sort=False).sum()
    worst = set(bad.sort_values(ascending=False, kind="stable").index[:most])
    return [place for place in bad.index if place in worst]


def _pivot(table: pd.DataFrame, column: str, rows: list[str], places: list[str]) -> pd.DataFrame:
    wide = table.set_index(["method", "place"])[column].unstack()
    return wide.reindex(index=rows, columns=places)


def _texts(table: pd.DataFrame) -> list[str]:
    """Return what stands in the cells: `1× 2! of 4`, or `×`, `!` or `0` of a single run."""
    columns = (table["failed"], table["unconverged"], table["runs"])
    return [_text(*counts) for counts in zip(*columns, strict=True)]


def _text(failed: int, unconverged: int, runs: int) -> str:
    if runs == 1:
        return TIMES * failed or "!" * unconverged or "0"
    counts = [f"{failed}{TIMES}"] * (failed > 0) + [f"{unconverged}!"] * (unconverged > 0)
    return f"{' '.join(counts) or 0} of {runs}"


def _map(axes: Axes, shares: np.ndarray, texts: np.ndarray) -> None:
    seaborn.heatmap(
        shares,
        **{"vmin": 0, "vmax": 1, "cmap": "Reds", "annot": texts, "fmt": "", "cbar": False},
        **{"linewidths": 0.6, "linecolor": "white", "annot_kws": {"fontsize": 6.5}},
        ax=axes,
    )
    axes.grid(False)
    axes.tick_params(length=0)
