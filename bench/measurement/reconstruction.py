"""The track of reconstruction: the quality of an image against the iterations that it is given."""

from __future__ import annotations

from collections.abc import Callable

from bench.measurement.evaluation import quality_on, seconds_per_image
from bench.records.model import Rows
from methods.base import Reconstruct
from problems.data import Pairs

GROWTH = 1.5  # from one budget to the next


def iteration_budgets(full: int) -> list[int]:
    """Numbers of iterations below `full`, each about 1.5 times the one before: 1, 2, 3, 4, 6, 9."""
    budgets, budget = [], 1
    while budget < full:
        budgets.append(budget)
        budget = max(budget + 1, round(GROWTH * budget))
    return budgets


def track(within: Callable[[int], Reconstruct], full: int, pairs: Pairs, device: str) -> Rows:
    """A row per budget below `full`: mean PSNR over the pairs, seconds that an image takes.

    within(iterations): from y to x, with at most so many iterations.
    """
    rows: Rows = []
    for budget in iteration_budgets(full):
        reconstruct = within(budget)
        psnr = quality_on(pairs, reconstruct).mean_psnr
        seconds = seconds_per_image(reconstruct, pairs.observed, device)
        rows.append({"iterations": budget, "seconds_per_image": seconds, "psnr": psnr})
    return rows
