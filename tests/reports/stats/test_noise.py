"""The noise of times: what is pooled, and what is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from reports.stats.noise import Noise, noises, ratio_interval


def test_the_floor_of_a_noise_by_hand() -> None:
    assert Noise(0.02, 3).floor == pytest.approx(math.expm1(3.182446 * 0.02), rel=1e-6)
    assert math.isnan(Noise().floor)


@pytest.mark.parametrize("pairs", [2, 3, 6])
def test_95_percent_of_pairs_of_equal_work_are_within_the_floor(pairs: int) -> None:
    random = np.random.default_rng(pairs)
    within, with_normal_quantile = [], []
    for _ in range(4000):
        *measured, new = random.normal(0, 0.05, pairs + 1)
        deviation = math.sqrt(np.mean(np.square(measured)))
        within.append(abs(new) <= math.log1p(Noise(deviation, pairs).floor))
        with_normal_quantile.append(abs(new) <= 1.96 * deviation)
    assert np.mean(within) == pytest.approx(0.95, abs=0.012)
    assert np.mean(with_normal_quantile) < 0.92


def test_deviations_of_all_methods_and_the_floor_are_pooled_by_hand() -> None:
    logs = {"one": np.array([-0.1, 0.1]), "two": np.array([0.3, 0.4, 0.5])}
    # Squares 0.02 and 0.02 with 1 and 2 degrees of freedom; the floor 3 times 0.04 squared.
    found = noises(logs, Noise(0.04, 3))
    pooled = math.sqrt((0.02 + 0.02 + 3 * 0.0016) / 6)
    assert found["two"].freedom == 6
    assert found["two"].deviation == pytest.approx(max(pooled, 0.1))
    assert found["one"].deviation == pytest.approx(max(pooled, math.sqrt(0.02)))


def test_a_method_with_a_noise_of_its_own_is_judged_by_it() -> None:
    quiet = {name: np.array([0.0, 0.01, -0.01]) for name in "abcdefgh"}
    found = noises({**quiet, "wild": np.array([1.0, -1.0, 0.5])}, Noise())
    assert found["wild"].freedom == 2
    assert found["wild"].deviation == pytest.approx(np.std([1.0, -1.0, 0.5], ddof=1))
    assert found["a"].freedom == 18


@pytest.mark.parametrize(("times", "freedom"), [(1.7, 18), (2.2, 2)])
def test_chance_allows_a_ratio_of_variances_of_3_6(times: float, freedom: int) -> None:
    # The 95 % quantile of F with 2 and 16 degrees of freedom is 3.63: 1.9 times the deviation.
    quiet = {name: np.array([0.0, 0.01, -0.01]) for name in "abcdefgh"}
    found = noises({**quiet, "other": times * quiet["a"]}, Noise())
    assert found["other"].freedom == freedom
    assert found["other"].deviation == pytest.approx(0.01 * times)


def test_nothing_known_is_no_noise() -> None:
    (found,) = noises({"one": np.array([0.2])}, Noise()).values()
    assert not found.known
    assert not ratio_interval(np.array([0.2]), found).known
    (measured,) = noises({"one": np.array([0.2])}, Noise(0.02, 3)).values()
    assert measured == Noise(0.02, 3)


def test_the_interval_of_a_ratio_by_hand() -> None:
    found = ratio_interval(np.array([0.1, 0.2]), Noise(0.05, 7))
    margin = stats.t.ppf(0.975, 7) * 0.05 / math.sqrt(2)
    assert (found.low, found.estimate, found.high) == pytest.approx(
        (0.15 - margin, 0.15, 0.15 + margin)
    )
