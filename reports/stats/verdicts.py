"""Better, worse, the same or inconclusive: what an interval allows to say.

A verdict of better or worse needs two things: the interval lies wholly beyond the limit, and an
interval of so high a level that all verdicts of a comparison hold together excludes no change at
all. The first is what the reader asks; the second keeps the chance that equal work is called better
or worse anywhere in the comparison below 5 % (Bonferroni), however many methods are compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from reports.stats.intervals import LEVEL, Interval

BETTER, WORSE, SAME, INCONCLUSIVE = "better", "worse", "same", "inconclusive"
MOST_SEEDS = 100
_ROUNDING = 1e-9  # 34.0 - 33.9 is a little more than 0.1


def together(comparisons: int) -> float:
    """Return the level at which so many intervals hold together in 95 % of the cases."""
    return 1 - (1 - LEVEL) / max(comparisons, 1)


def verdict(interval: Interval, simultaneous: Interval, limit: float) -> str:
    """Return the verdict on a change of which more is better, with no change at 0.

    limit: how much less, or more, counts as the same (at least 0). simultaneous: the interval at
    the level `together`, as it would be if there were no change. An interval within the limit on
    both sides is the same.
    """
    limit += _ROUNDING
    if not interval.known or not simultaneous.known:
        return INCONCLUSIVE
    if interval.low > limit and simultaneous.low > 0:
        return BETTER
    if interval.high < -limit and simultaneous.high < 0:
        return WORSE
    return SAME if -limit <= interval.low and interval.high <= limit else INCONCLUSIVE


def opposite(found: str) -> str:
    """Return the verdict on a change of which less is better."""
    return {BETTER: WORSE, WORSE: BETTER}.get(found, found)


def seeds_needed(
    margin: Callable[[int, float], float], estimate: float, limit: float, level: float
) -> float:
    """Return the fewest seeds with which an inconclusive change would get another verdict.

    margin(seeds, level): of an interval around the estimate. It would lie beyond the limit, and at
    the higher `level` exclude no change; or within the limit. inf where 100 seeds do not do, NaN if
    nothing is known.
    """
    size = abs(estimate)
    if math.isnan(size) or math.isnan(margin(MOST_SEEDS, LEVEL)):
        return math.nan
    for count in range(2, MOST_SEEDS + 1):
        usual = margin(count, LEVEL)
        if usual < limit - size or (usual < size - limit and margin(count, level) < size):
            return float(count)
    return math.inf
