"""Notes on times that were not measured under the usual circumstances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from reports.data.targets import without_validation
from reports.format import DISTURBED, counted, listed, printable


def timing_notes(runs: pd.DataFrame) -> list[str]:
    """Return sentences on what is not usual for times, such as concurrency or several machines."""
    return [
        *_concurrency(runs),
        *_devices(runs),
        *_machines(runs),
        *_disturbed(runs),
        *_resumptions(runs),
    ]


def load_notes(runs: pd.DataFrame, experiment: Mapping[str, Any]) -> list[str]:
    """Return a sentence on the load of the machine when runs started, where it is known."""
    loads = runs["load_average"].dropna()
    if loads.empty:
        return []
    machine = experiment.get("machine")
    cores = machine.get("logical_cores") if isinstance(machine, Mapping) else None
    of_cores = f" ({counted(cores, 'core')})" if isinstance(cores, int) else ""
    ends = [f"{load:.1f}" for load in (loads.min(), loads.max())]
    return [f"The load average when runs started was {' to '.join(dict.fromkeys(ends))}{of_cores}."]


def notes_on_images(runs: pd.DataFrame) -> list[str]:
    """Return a sentence where targets are read on the images of the final quality; not usual."""
    older = int(without_validation(runs).sum())
    if not older:
        return []
    return [
        f"{counted(older, 'run')} of an older version had no validation images: there, targets "
        "and curves are read on the test images of the final quality."
    ]


def fingerprints(runs: pd.DataFrame) -> list[str]:
    """Return the fingerprints of the machines of these runs, as far as they are known."""
    return [str(name) for name in runs["fingerprint"].unique() if name]


def comparable_pairs(runs: pd.DataFrame, others: pd.DataFrame, suffix: str) -> pd.DataFrame:
    """Return the runs beside the others of the same seed whose times may be compared with theirs.

    Those are of one machine, as far as the fingerprints tell. Columns of both get the suffix.
    """
    both = runs.merge(others, on="seed", suffixes=("", suffix))
    machine, other = both["fingerprint"], both[f"fingerprint{suffix}"]
    paired: pd.DataFrame = both[(machine == other) | (machine == "") | (other == "")]
    return paired


def most_at_a_time(runs: pd.DataFrame) -> int:
    """Return the most runs that were made at a time on one machine, as far as is known."""
    most = runs["concurrency"].max()
    return int(most) if most > 1 else 1


def _concurrency(runs: pd.DataFrame) -> Iterator[str]:
    if several := int((runs["concurrency"] > 1).sum()):
        yield (
            f"Times were measured under concurrency: {several} of {counted(len(runs), 'run')} "
            f"shared their machine with others, up to {most_at_a_time(runs)} at a time."
        )


def _devices(runs: pd.DataFrame) -> Iterator[str]:
    counts = runs.loc[runs["device_name"] != "", "device_name"].value_counts()
    if len(counts) > 1:
        yield (
            "Times were measured on several devices and are not comparable: "
            f"{_with_counts(counts)}."
        )


def _machines(runs: pd.DataFrame) -> Iterator[str]:
    if len(fingerprints(runs)) > 1:
        counts = runs.loc[runs["fingerprint"] != "", "fingerprint"].value_counts()
        yield (
            f"Runs are of machines with several fingerprints: {_with_counts(counts)}. Times of "
            "different machines are not compared: where they meet there is a ? and no ≈, no time "
            "score and no break-even."
        )


def _disturbed(runs: pd.DataFrame) -> Iterator[str]:
    if several := int(runs["disturbed"].sum()):
        yield (
            f"{DISTURBED} disturbed: {several} of {counted(len(runs), 'run')}. A calibration "
            "before or after the run took a time unlike that of other runs, or one unlike the "
            "other, by more than the noise floor."
        )


def _resumptions(runs: pd.DataFrame) -> Iterator[str]:
    if resumed := int((runs["resumptions"] > 0).sum()):
        trainings = counted(resumed, "training")
        yield f"{trainings} resumed from a checkpoint: the time lost before is not counted."


def _with_counts(counts: pd.Series[int]) -> str:
    return listed([f"{printable(name)} ({count})" for name, count in counts.items()], 4)
