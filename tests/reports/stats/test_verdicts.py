"""Verdicts by hand; how often they are false, and how often they find what is there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reports.stats.intervals import Interval
from reports.stats.noise import Noise, noises, ratio_interval
from reports.stats.verdicts import (
    BETTER,
    INCONCLUSIVE,
    SAME,
    WORSE,
    opposite,
    seeds_needed,
    together,
    verdict,
)
from tests.support.soaked import only


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.2, 0.4, BETTER),
        (-0.4, -0.2, WORSE),
        (-0.05, 0.1, SAME),
        (0.0, 0.0, SAME),
        (0.05, 0.2, INCONCLUSIVE),
        (-0.3, 0.3, INCONCLUSIVE),
        (math.nan, math.nan, INCONCLUSIVE),
    ],
)
def test_an_interval_beyond_within_or_across_the_limit(
    low: float, high: float, expected: str
) -> None:
    interval = Interval(low, (low + high) / 2, high)
    assert verdict(interval, interval, 0.1) == expected


def test_a_verdict_holds_together_with_all_others() -> None:
    interval = Interval(0.2, 0.3, 0.4)
    assert verdict(interval, Interval(-0.1, 0.3, 0.7), 0.1) == INCONCLUSIVE
    less = Interval(-0.4, -0.3, -0.2)
    assert verdict(less, Interval(-0.7, -0.3, 0.1), 0.1) == INCONCLUSIVE
    assert together(1) == pytest.approx(0.95)
    assert together(10) == pytest.approx(0.995)


def test_of_a_cost_less_is_better() -> None:
    assert [opposite(each) for each in (BETTER, WORSE, SAME)] == [WORSE, BETTER, SAME]


def test_the_seeds_that_would_decide() -> None:
    def margin(count: int, level: float) -> float:
        return (1.0 if level == 0.95 else 2.0) / math.sqrt(count)

    # 0.3 is 0.2 from the limit of 0.1: 1/√n < 0.2 from 26 on. Against no change, 2/√n < 0.3 from
    # 45 on.
    assert seeds_needed(margin, 0.3, 0.1, 0.95) == 26
    assert seeds_needed(margin, -0.3, 0.1, 0.95) == 26
    assert seeds_needed(margin, 0.3, 0.1, 0.99) == 45
    assert seeds_needed(margin, 0.0, 0.2, 0.99) == 26  # within the limit
    assert seeds_needed(margin, 0.1, 0.1, 0.99) == math.inf
    assert math.isnan(seeds_needed(lambda count, level: math.nan, 0.3, 0.1, 0.99))


def compared(
    random: np.random.Generator,
    deviation: float,
    *,
    methods: int,
    seeds: int,
    slowdown: float = 1.0,
    skewed: bool = False,
) -> list[str]:
    """The verdicts on the times of a comparison whose last method is slower."""

    def noise(size: int) -> np.ndarray:
        single = random.exponential(size=(2, size)) if skewed else random.normal(size=(2, size))
        logs: np.ndarray = deviation * (single[0] - single[1]) / math.sqrt(2)
        return logs

    found = []
    for _ in range(2):  # a training step, and a reconstruction
        logs = {method: noise(seeds) for method in range(methods)}
        logs[methods - 1] += math.log(slowdown)
        floor = Noise(math.sqrt(np.mean(noise(3) ** 2)), 3)
        for method, each in noises(logs, floor).items():
            # Two more measures, PSNR and memory, are judged of every method.
            levels = (0.95, together(4 * methods))
            intervals = (ratio_interval(logs[method], each, level) for level in levels)
            found.append(opposite(verdict(*intervals, math.log(1.05))))
    return found


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("seeds", only([3], [2, 3, 5]))
@pytest.mark.parametrize(
    "deviation", only([0.0255, 0.3], [0.0255, 0.1, 0.3])
)  # floors of about 5, 20 and 60 %
def test_equal_work_is_called_unequal_in_at_most_5_percent_of_comparisons(
    deviation: float, seeds: int, skewed: bool
) -> None:
    random = np.random.default_rng(seeds)
    comparisons = [
        compared(random, deviation, methods=9, seeds=seeds, skewed=skewed) for _ in range(300)
    ]
    false = [bool({BETTER, WORSE} & set(each)) for each in comparisons]
    assert np.mean(false) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("methods", [1, 9])
def test_a_slowdown_of_15_percent_is_found_with_three_seeds_and_a_floor_of_5_percent(
    methods: int,
) -> None:
    random = np.random.default_rng(1)
    found = [
        compared(random, 0.05 / 1.96, methods=methods, seeds=3, slowdown=1.15)[methods - 1]
        for _ in range(400)
    ]
    assert np.mean([each == WORSE for each in found]) >= 0.9
