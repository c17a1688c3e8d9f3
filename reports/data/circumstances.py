"""Notes on times that were not measured under the usual circumstances."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from reports.data.targets import without_validation
from reports.format import counted, listed, printable


def timing_notes(runs: pd.DataFrame) -> list[str]:
    """Return sentences on concurrency, several devices and resumed trainings; none is usual."""
    return [*_concurrency(runs), *_devices(runs), *_resumptions(runs)]


def notes_on_images(runs: pd.DataFrame) -> list[str]:
    """Return a sentence where targets are read on the images of the final quality; not usual."""
    older = int(without_validation(runs).sum())
    if not older:
        return []
    return [
        f"{counted(older, 'run')} of an older version had no validation images: there, targets "
        "and curves are read on the test images of the final quality."
    ]


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
        named = listed([f"{printable(name)} ({count})" for name, count in counts.items()], 4)
        yield f"Times were measured on several devices and are not comparable: {named}."


def _resumptions(runs: pd.DataFrame) -> Iterator[str]:
    if resumed := int((runs["resumptions"] > 0).sum()):
        trainings = counted(resumed, "training")
        yield f"{trainings} resumed from a checkpoint: the time lost before is not counted."
