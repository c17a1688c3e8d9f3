"""The leaderboard: a row per workload, method and results folder, the best PSNR first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from reports.data.circumstances import fingerprints, most_at_a_time
from reports.data.dataset import Dataset
from reports.data.differences import Difference
from reports.data.entries import (
    MOST_ENTRIES,
    TIMES,
    Entry,
    Ranks,
    differences_from,
    entries_of,
    mean_time,
    ranks,
    verdicts_within_machines,
)
from reports.data.grouping import GROUP, completed, quality, status_counts
from reports.format import DISTURBED, NONE, counted, listed, number, printable
from reports.stats.intervals import Interval, crossed_interval
from reports.tables import cells
from reports.tables.cells import FIRST, PSNR, Row, Write
from reports.tables.table import Table

CAPTION = (
    "Rank: from which to which rank a row can be. It is below another row only where the 95 % "
    "interval of their difference, paired by seed and test image, excludes 0, and all verdicts on "
    "one row hold together; rows whose order is inconclusive share ranks. Rows of two folders are "
    "compared only if their observed test images are the same. The difference is from {reference} "
    "in the same folder. ≈ marks a time that cannot be told apart from the fastest of its machine, "
    "? one of which nothing is known. Times of different machines are not compared."
)


def leaderboard_table(folders: Mapping[str, Dataset], reference: str) -> Table:
    """Return the leaderboard of datasets by the names of their folders.

    reference: the method that differences are from; "" for none.
    """
    workloads = entries_of(folders)
    rows = [row for each in workloads for row in _rows(each, folders, reference)]
    return Table(
        "leaderboard",
        pd.DataFrame(rows),
        _columns(reference),
        CAPTION.format(reference=reference or "no method"),
        list(_notes(workloads)),
    )


def folders_table(folders: Mapping[str, Dataset]) -> Table:
    """Return where and by what the runs of each folder were made."""
    numbers = pd.DataFrame(_folder(name, dataset) for name, dataset in folders.items())
    columns = {name.replace("_", " "): cells.text(name) for name in numbers.columns}
    return Table("folders", numbers, columns)


def _rows(
    entries: Sequence[Entry], folders: Mapping[str, Dataset], reference: str
) -> list[dict[str, object]]:
    timed = {name: verdicts_within_machines(name, entries, folders) for name in TIMES}
    placed, differences = ranks(entries), list(differences_from(reference, entries))
    return [
        {
            **_numbers(entry, placed[n]),
            **_difference(entry, *differences[n]),
            **{f"{name}_verdict": verdicts[n] for name, verdicts in timed.items()},
        }
        for n, entry in enumerate(entries)
    ]


def _numbers(entry: Entry, placed: Ranks) -> dict[str, object]:
    done, first = completed(entry.runs), entry.runs.iloc[0]
    interval = crossed_interval(entry.psnr)
    return {
        **{name: first[name] for name in GROUP},
        "folder": entry.folder,
        "machine": ", ".join(fingerprints(entry.runs)),
        "rank_low": placed.low,
        "rank_high": placed.high,
        **quality(done),
        "psnr_low": interval.low,
        "psnr_high": interval.high,
        **{name: mean_time(entry, name) for name in TIMES},
        "runs": len(entry.runs),
        "seeds": len(entry.seeds),
        "images": entry.psnr.shape[1] if entry.psnr.shape[1] > 1 else 0,
        "disturbed": bool(entry.runs["disturbed"].any()),
        "status": status_counts(entry.runs),
    }


def _difference(entry: Entry, base: Entry | None, found: Difference | None) -> dict[str, object]:
    interval = found.interval if found else Interval(math.nan, math.nan, math.nan)
    without = "reference" if base is entry else ""
    return {
        "difference": interval.estimate,
        "difference_low": interval.low,
        "difference_high": interval.high,
        "verdict": found.verdict if found else without,
    }


def _columns(reference: str) -> dict[str, Write]:
    return {
        "problem": FIRST["problem"],
        "size (px)": FIRST["size (px)"],
        "rank": _rank,
        "method": FIRST["method"],
        "layer": FIRST["layer"],
        "folder": cells.text("folder"),
        **PSNR,
        "95 % interval (dB)": cells.bounds("psnr", 2),
        f"difference from {reference or NONE} (dB)": cells.with_interval("difference", 2),
        "verdict": cells.text("verdict"),
        "training step (ms)": _time("step_seconds"),
        "time per image (ms)": _time("reconstruct_seconds_per_image"),
        "machine": cells.text("machine"),
        "seeds": lambda row: f"{row['seeds']}/{row['runs']}",
    }


def _time(column: str) -> Write:
    return cells.disturbed(cells.against_best(column, lambda row: number(1000 * row[column])))


def _rank(row: Row) -> str:
    low, high = row["rank_low"], row["rank_high"]
    if math.isnan(low):
        return NONE
    return f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}"


def _notes(workloads: Sequence[Sequence[Entry]]) -> list[str]:
    notes = []
    every = [entry for each in workloads for entry in each]
    if any(entry.runs["disturbed"].any() for entry in every):
        notes.append(
            f"{DISTURBED} a time of which a run was disturbed: see the report of its folder"
        )
    if any(len(entry.seeds) < 2 for entry in every):
        notes.append("no interval, and no rank, where a single run completed: too few seeds")
    if any(len(each) > MOST_ENTRIES for each in workloads):
        notes.append(f"no ranks on a workload with more than {MOST_ENTRIES} rows")
    apart = [each for each in workloads if _with_other_images(each)]
    if apart:
        notes.append(
            f"{counted(len(apart), 'workload')} with rows of different test images: these are "
            "not compared"
        )
    return notes


def _with_other_images(entries: Sequence[Entry]) -> bool:
    """Whether the entries of two folders have seeds in common, but not their test images."""
    firsts = {each.folder: each for each in reversed(entries) if each.seeds}
    return any(
        set(a.seeds) & set(b.seeds) and not a.differences(b).size
        for a in firsts.values()
        for b in firsts.values()
    )


def _folder(name: str, dataset: Dataset) -> dict[str, object]:
    experiment, runs = dataset.results.experiment, dataset.runs
    machine, versions = (_mapping(experiment.get(each)) for each in ("machine", "versions"))
    floor = dataset.floor.relative
    return {
        "folder": name,
        "machine": listed(fingerprints(runs), 3),
        "processor": printable(machine.get("gpu") or machine.get("cpu") or ""),
        "cores": printable(machine.get("logical_cores", "")),
        "runs at a time": most_at_a_time(runs),
        "device": listed(list(map(printable, runs["device"].unique())), 3),
        "noise floor (%)": number(100 * floor),
        "torch": printable(versions.get("torch", "")),
        "commit": printable(experiment.get("commit") or "")[:12],
        "started": printable(experiment.get("started_at") or "")[:10],
        "runs": f"{len(completed(runs))}/{len(runs)}",
        "damaged": len(dataset.results.damaged),
    }


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
