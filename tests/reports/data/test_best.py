"""What can be told apart from the best of a workload, and what cannot."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from reports.data.best import BEST, UNKNOWN, verdicts_on_quality, verdicts_on_times
from reports.stats.noise import Noise
from reports.stats.verdicts import INCONCLUSIVE, WORSE

NAN = math.nan


def runs(*times: float, fingerprint: str = "") -> pd.DataFrame:
    return pd.DataFrame(
        {"seed": range(len(times)), "fingerprint": fingerprint, "seconds": [*times]}
    )


def verdicts(*groups: pd.DataFrame, noise: Noise = Noise()) -> list[str]:  # noqa: B008 - frozen
    averages = [float(group["seconds"].mean()) for group in groups]
    return verdicts_on_times(averages, groups, "seconds", noise)


def test_a_time_is_slower_than_the_best_or_cannot_be_told_apart() -> None:
    groups = (runs(1.0, 1.1, 0.9), runs(1.04, 1.08, 0.95), runs(2.0, 2.2, 1.85))
    assert verdicts(*groups) == [BEST, INCONCLUSIVE, WORSE]
    assert verdicts(*groups[::-1]) == [WORSE, INCONCLUSIVE, BEST]


def test_a_noise_floor_speaks_for_a_single_seed() -> None:
    pair = (runs(1.0), runs(1.2))
    assert verdicts(*pair) == [BEST, UNKNOWN]
    assert verdicts(*pair, noise=Noise(0.1, 5)) == [BEST, INCONCLUSIVE]
    assert verdicts(*pair, noise=Noise(0.02, 5)) == [BEST, WORSE]


def test_what_never_got_there_or_is_of_another_machine_is_not_compared() -> None:
    noise = Noise(0.02, 5)
    assert verdicts(runs(1.0), runs(math.inf), noise=noise) == [BEST, ""]
    assert verdicts(runs(NAN), runs(NAN), noise=noise) == ["", ""]
    other = runs(3.0, fingerprint="b")
    assert verdicts(runs(1.0, fingerprint="a"), other, noise=noise) == [BEST, UNKNOWN]
    assert verdicts(runs(1.0), other, noise=noise) == [BEST, WORSE]


def test_a_seed_that_a_method_has_twice_is_no_mistake() -> None:
    twice = [pd.concat([each, each]) for each in (runs(1.0, 1.1), runs(2.0, 2.1, 2.2))]
    assert verdicts(*twice, noise=Noise(0.02, 5)) == [BEST, WORSE]


@pytest.mark.parametrize(
    ("methods", "count"), [(2, 300), (9, 60), pytest.param(9, 300, marks=pytest.mark.soak)]
)
def test_equal_methods_are_told_apart_in_at_most_5_percent(methods: int, count: int) -> None:
    random = np.random.default_rng(methods)
    false = []
    for _ in range(count):
        groups = [runs(*np.exp(random.normal(0, 0.05, 3))) for _ in range(methods)]
        false.append(WORSE in verdicts(*groups))
    # The best of nine is not drawn beforehand: it is the luckiest of them.
    assert np.mean(false) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / count)


def test_quality_is_compared_on_the_same_seeds_and_images() -> None:
    random = np.random.default_rng(0)
    images = random.normal(30, 5, (1, 64)) + random.normal(0, 0.1, (3, 1))
    tables = {
        0: images + random.normal(0, 0.1, (3, 64)),
        1: images - 0.5 + random.normal(0, 0.1, (3, 64)),
        2: images + random.normal(0, 0.1, (3, 64)) - 0.01,
        3: np.full((3, 1), NAN),
    }
    averages = [float(np.mean(table)) for table in tables.values()]
    assert verdicts_on_quality(tables, averages) == [BEST, WORSE, INCONCLUSIVE, ""]
    single = {n: table[:1] for n, table in tables.items()}
    assert verdicts_on_quality(single, averages)[1] == UNKNOWN
