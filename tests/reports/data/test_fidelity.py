"""What the angle of a gradient says of the quality: values worked out by hand, and simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.records import Results, RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.data.fidelity import (
    Prediction,
    above_or_below,
    as_share,
    measured,
    overall,
    points,
    prediction,
)
from reports.data.headline import headline
from reports.stats.intervals import Interval
from tests.support import records as factories
from tests.support.soaked import only


def table(
    cosines: object, psnrs: object, *, seed: int = 0, layer: str = "degrad", problem: str = "motion"
) -> pd.DataFrame:
    """A run per cosine, in one place and of one seed."""
    place = {"problem": problem, "size": 32, "layer": layer, "seed": seed}
    return pd.DataFrame({"gradient_cosine": cosines, "psnr": psnrs}, dtype=float).assign(**place)


def predicted(*tables: pd.DataFrame) -> Prediction:
    found = prediction(pd.concat(tables))
    assert found is not None
    return found


def test_quality_that_grows_with_the_cosine_is_predicted() -> None:
    found = predicted(table([0.8, 0.9, 1.0], [34.0, 34.5, 35.0]))
    assert found.agreement.estimate == 1.0
    assert found.slope.estimate == pytest.approx(5.0)
    assert (found.pairs, found.places) == (3, 1)
    assert not found.slope.known  # a single seed


def test_places_are_not_compared_with_each_other() -> None:
    """In each place quality falls with the cosine, over the places it grows."""
    low = table([0.1, 0.2], [30.0, 29.9])
    high = table([0.8, 0.9], [40.0, 39.9], layer="deprox")
    assert predicted(low, high).agreement.estimate == 0.0
    assert predicted(low, high).slope.estimate == pytest.approx(-1.0)
    other = table([0.8, 0.9], [40.0, 39.9], problem="gaussian")
    assert predicted(low, other).places == 2


def test_seeds_are_not_compared_with_each_other() -> None:
    found = predicted(table([0.1, 0.2], [30.0, 30.1]), table([0.3, 0.4], [20.0, 20.3], seed=1))
    assert found.agreement.estimate == 1.0
    assert found.slope.estimate == pytest.approx((1.0 + 3.0) / 2)
    assert found.pairs == 2


def test_a_tie_agrees_by_half() -> None:
    assert predicted(table([0.8, 0.8], [34.0, 35.0])).agreement.estimate == 0.5


def test_without_a_pair_nothing_is_predicted() -> None:
    assert prediction(table([0.8], [34.0])) is None
    assert prediction(table([], [])) is None


def test_a_share_is_written_as_a_percentage() -> None:
    assert as_share(Interval(0.4, 0.575, 0.761)) == "57 % [40, 76]"
    assert as_share(Interval(float("nan"), 0.5, float("nan"))) == "50 %"


def test_a_difference_in_words() -> None:
    assert above_or_below(-0.051) == "0.05 dB below"
    assert above_or_below(0.2) == "0.20 dB above"


# ------------------------------------------------------------------------------ on synthetic runs


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two layers; in the second, jfb ends 0.5 dB higher."""
    folder = tmp_path_factory.mktemp("layers")
    write_experiment(folder / "experiment.yaml", {})
    for layer, gain in (("degrad", 0.0), ("deprox", 0.5)):
        for method in ("jfb", "ift"):
            for seed in range(3):
                own = gain if method == "jfb" else 0.0
                psnr = factories.FINAL_PSNR[method] + seed + own
                row = factories.run_row(method, seed, layer=layer, psnr=psnr)
                write_record(folder, RunRecord(row, factories.curve(method, seed)))
    return Dataset.of(load_results(folder), "gain=5")


def test_the_overall_difference_is_a_mean_over_places(layers: Dataset) -> None:
    found = overall(layers)
    assert list(found) == ["jfb"]
    assert found["jfb"].interval.estimate == pytest.approx(-0.75)
    assert found["jfb"].seeds == 3


def test_the_headline_speaks_of_several_layers(layers: Dataset) -> None:
    first, second = headline(layers)[-2:]
    assert first.startswith("On average over 2 layers, jfb ends 0.75 dB below ift: worse (95 %")
    assert "ended higher in 100 % [100, 100] of 6 pairs" in second


def test_the_quality_is_compared_with_the_exact_method_in_its_place(results: Results) -> None:
    found = {point.label: point for point in points(Dataset.of(results))}
    assert list(found) == ["jfb", "ift", "phantom", "unrolling"]
    assert found["ift"].psnr is None
    jfb = found["jfb"]
    assert jfb.psnr is not None
    assert jfb.psnr.interval.estimate == pytest.approx(-1.0)
    assert (jfb.psnr.wins, jfb.psnr.seeds) == (0, 2)
    np.testing.assert_allclose(jfb.angle, np.degrees(np.arccos(0.8)))
    assert len(found["unrolling"].runs) == 1  # its second seed has failed


def test_without_the_exact_method_there_are_angles_only(results: Results) -> None:
    others = replace(results, runs=results.runs[results.runs["method"] != "ift"])
    assert all(point.psnr is None for point in points(Dataset.of(others)))


def test_runs_without_the_pass_are_left_out(results: Results) -> None:
    bare = replace(results, runs=results.runs.assign(gradient_cosine=np.nan))
    assert measured(Dataset.of(bare)).empty
    assert points(Dataset.of(bare)) == []
    assert set(measured(Dataset.of(results))["method"]) == set(factories.GRADIENT_METHODS)


# --------------------------------------------------------------------------------- coverage


def simulated(rng: np.random.Generator, slope: float, seeds: int = 3) -> Prediction:
    """Eight places by three methods, whose cosines differ; the noise of each run is 0.1 dB."""
    cosines = rng.uniform(0.2, 1.0, (8, 3))
    tables = []
    for seed in range(seeds):
        for place, usual in enumerate(cosines):
            own = np.clip(usual + 0.05 * rng.standard_normal(3), -1, 1)
            psnrs = 30 + 3 * rng.standard_normal() + slope * usual + 0.1 * rng.standard_normal(3)
            tables.append(table(own, psnrs, seed=seed, layer=f"layer {place}"))
    return predicted(*tables)


@pytest.mark.parametrize("seeds", only([3], [2, 3, 8]))
def test_an_angle_that_says_nothing_is_found_to_say_something_in_5_percent(seeds: int) -> None:
    rng, trials = np.random.default_rng(0), 300
    found = [simulated(rng, 0.0, seeds) for _ in range(trials)]
    agreement = sum(each.agreement.low <= 0.5 <= each.agreement.high for each in found)
    slope = sum(each.slope.low <= 0 <= each.slope.high for each in found)
    assert min(agreement, slope) > 0.91 * trials


def test_a_strong_relation_is_found() -> None:
    rng = np.random.default_rng(1)
    found = [simulated(rng, 2.0) for _ in range(30)]
    assert sum(each.slope.low > 0 for each in found) > 25
    assert sum(each.agreement.low > 0.5 for each in found) > 25
