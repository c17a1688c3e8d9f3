"""Scores of synthetic records, whose numbers are known by construction."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.errors import UserError
from bench.records import Results, load_results, write_experiment, write_record
from reports.data import pool
from reports.data.dataset import Dataset
from reports.data.differences import difference
from reports.data.labels import with_labels
from reports.stats.intervals import crossed_interval, mean_interval
from reports.tables.scores import scores_table
from reports.tables.table import Table
from tests.support import records as factories

PLACES = [("motion", 32), ("motion", 64), ("gaussian", 32)]


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Three cells by two seeds, unrolling failed with the second seed in each."""
    folder = tmp_path_factory.mktemp("pooled")
    for problem, size in PLACES:
        factories.write_results(folder, problem=problem, size=size)
    return load_results(folder)


@pytest.fixture(scope="module")
def dataset(pooled: Results) -> Dataset:
    return Dataset.of(pooled, "gain=5")


@pytest.fixture(scope="module")
def found(dataset: Dataset) -> Table:
    return scores_table(dataset)


def of(found: Table, method: str) -> dict[str, float]:
    (row,) = found.numbers[found.numbers["method"] == method].to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_arrays_are_seeds_by_cells_with_failures_missing(pooled: Results) -> None:
    arrays = pool.gains(with_labels(pooled.runs))
    assert {array.shape for array in arrays.values()} == {(2, 3)}
    np.testing.assert_array_equal(arrays["jfb"], [[9.0] * 3, [10.0] * 3])
    assert np.isnan(arrays["unrolling"][1]).all()
    assert np.isfinite(arrays["unrolling"][0]).all()


def test_a_failed_run_has_no_gain_though_it_left_a_psnr() -> None:
    rows = [factories.run_row("jfb"), factories.run_row("jfb", 1, status="diverged")]
    gains = pool.gains(with_labels(pd.DataFrame(rows)))["jfb"]
    assert gains[0] == 9.0
    assert math.isnan(gains[1, 0])


def test_aggregates_by_hand(found: Table) -> None:
    # Gains of jfb are 9 with the first seed and 10 with the second, in each of three cells.
    jfb = of(found, "jfb")
    assert jfb["gain_mean"] == pytest.approx(9.5)
    assert jfb["gain_median"] == jfb["gain_iqm"] == pytest.approx(9.5)
    assert jfb["gain_mean_low"] < 9.5 < jfb["gain_mean_high"]
    assert jfb["values"] == 6
    unrolling = of(found, "unrolling")
    assert (unrolling["values"], unrolling["gain_mean"]) == (3, pytest.approx(9.8))
    assert math.isnan(unrolling["gain_mean_low"])  # one seed tells no spread


def test_intervals_are_over_seeds_and_images(pooled: Results, found: Table) -> None:
    images = [[row["psnr"] for row in factories.images("jfb", seed)] for seed in range(2)]
    expected = crossed_interval(np.array(images, np.float64) - factories.OBSERVED)
    jfb = of(found, "jfb")
    assert (jfb["gain_mean_low"], jfb["gain_mean_high"]) == pytest.approx(
        (expected.low, expected.high)
    )
    assert "over seeds and test images" in found.notes[0]
    bare = scores_table(Dataset.of(replace(pooled, images=pooled.images.iloc[:0]), "gain=5"))
    expected = mean_interval(np.array([9.0, 10.0]))
    assert of(bare, "jfb")["gain_mean_low"] == pytest.approx(expected.low)
    assert "over seeds only" in bare.notes[0]


def test_a_seed_without_every_workload_is_not_in_the_interval() -> None:
    values = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [np.nan, np.nan]]])
    np.testing.assert_array_equal(pool.collapsed(values), [[2.0, 3.0]])
    # A workload without any value counts for nobody, an image that one lacks neither.
    lone = np.stack([values[:, 0], np.full((2, 2), np.nan)], axis=1)
    np.testing.assert_array_equal(pool.collapsed(lone), [[1.0, 2.0], [5.0, 6.0]])
    values[:, 1, 1] = np.nan
    np.testing.assert_array_equal(pool.collapsed(values), [[2.0]])
    assert pool.collapsed(np.full((2, 1, 3), np.nan)).size == 0


def test_differences_from_the_reference_are_paired(dataset: Dataset, found: Table) -> None:
    assert dataset.reference == "jfb"
    ift = of(found, "ift")
    images = {
        name: np.array([[row["psnr"] for row in factories.images(name, s)] for s in range(2)])
        for name in ("ift", "jfb")
    }
    expected = crossed_interval(images["ift"] - images["jfb"])
    assert ift["difference"] == pytest.approx(1.0)
    assert (ift["difference_low"], ift["difference_high"]) == pytest.approx(
        (expected.low, expected.high)
    )
    # The images differ by 3 dB, which the pairs have in common.
    assert ift["difference_high"] - ift["difference_low"] < 1
    assert ift["verdict"] == "better"
    assert of(found, "dncnn")["verdict"] == "worse"
    assert of(found, "unrolling")["verdict"] == "too few seeds"
    jfb = of(found, "jfb")
    assert math.isnan(jfb["difference"])
    assert jfb["verdict"] == ""


def test_verdicts_and_seeds_won() -> None:
    random = np.random.default_rng(0)
    values = random.normal(0.0, 1.0, (3, 1)) + random.normal(0.0, 0.1, (3, 8))
    found = difference(values + 0.2, 1)
    assert (found.verdict, found.seeds) == ("inconclusive", 3)
    assert found.wins == int((values.mean(axis=1) + 0.2 > 0).sum())
    assert difference(values + 50, 1).verdict == "better"
    # One of two comparisons is judged at a higher level than the only one.
    edge = crossed_interval(values).estimate - crossed_interval(values).low + 1e-3
    shifted = values - values.mean() + edge
    assert difference(shifted, 1).verdict == "better"
    assert difference(shifted, 20).verdict == "inconclusive"
    assert difference(values[:1], 1).verdict == "too few seeds"
    assert difference(np.empty((0, 0)), 1).seeds == 0


def test_time_scores_follow_the_ratios(dataset: Dataset, found: Table) -> None:
    ratios = dataset.pool.ratios.of_method
    assert of(found, "jfb")["score"] == of(found, "jfb")["score_to_reference"] == 1
    assert ratios["ift"].shape == (2, 3)
    expected = np.maximum(0, 4 - ratios["ift"]).mean() / 3
    assert 0 < of(found, "ift")["score"] == pytest.approx(expected)
    of_seeds = np.maximum(0, 4 - ratios["ift"]).mean(axis=1) / 3
    ift = of(found, "ift")
    assert (ift["score_low"], ift["score_high"]) == pytest.approx((min(of_seeds), max(of_seeds)))
    assert of(found, "dncnn")["score"] == 0  # never reached
    assert math.isnan(of(found, "tv")["score"])  # not trained


def test_a_method_more_changes_relative_scores_and_not_absolute_ones(pooled: Results) -> None:
    runs = pooled.runs
    without = replace(pooled, runs=runs[runs["method"] != "jfb"])
    with_jfb, alone = (
        scores_table(Dataset.of(each, "gain=5", "ift")) for each in (pooled, without)
    )
    phantom, lonely = of(with_jfb, "phantom"), of(alone, "phantom")
    assert lonely["score"] > phantom["score"]
    assert lonely["score_to_reference"] == phantom["score_to_reference"]


def test_failed_runs_rank_last(dataset: Dataset) -> None:
    ranking = dataset.pool.ranks
    assert dataset.pool.block == "workload"
    assert ranking is not None
    assert ranking.blocks == 3
    ranks = ranking.average_ranks
    assert ranks["ift"] == 1
    assert ranks["unrolling"] == max(ranks.values()) == 7  # worse than dncnn: a seed failed


def test_a_run_that_was_not_made_is_no_failure(pooled: Results) -> None:
    runs = pooled.runs
    without = runs[~((runs["method"] == "ift") & (runs["seed"] == 1) & (runs["size"] == 64))]
    ranking = Dataset.of(replace(pooled, runs=without), "gain=5").pool.ranks
    assert ranking is not None
    assert (ranking.blocks, ranking.average_ranks["ift"]) == (3, 1)  # by the seed that all made
    without = runs[~((runs["method"] == "ift") & (runs["size"] == 64))]
    ranking = Dataset.of(replace(pooled, runs=without), "gain=5").pool.ranks
    assert ranking is not None
    assert (ranking.blocks, ranking.average_ranks["ift"]) == (2, 1)  # the workload is left out


def test_times_of_several_machines_have_no_score(pooled: Results) -> None:
    other = (pooled.runs["method"] == "ift") & (pooled.runs["seed"] == 1)
    runs = pooled.runs.assign(fingerprint=pooled.runs["fingerprint"].mask(other, "other"))
    mixed = Dataset.of(replace(pooled, runs=runs), "gain=5").pool
    assert np.isnan(mixed.ratios.of_method["jfb"][1]).all()
    assert np.isfinite(mixed.ratios.of_method["jfb"][0]).all()
    assert mixed.ratios.left_out == 3


def test_seeds_are_the_blocks_of_a_single_workload(results: Results) -> None:
    single = Dataset.of(results, "gain=5")
    assert (single.pool.block, single.pool.shape) == ("seed", (2, 1))
    assert any("share their test images" in note for note in scores_table(single).notes)


def test_text_says_what_it_is_relative_to(found: Table) -> None:
    shown = found.cells
    jfb, ift = (shown[shown["method"] == name].iloc[0] for name in ("jfb", "ift"))
    assert jfb["difference from jfb (dB)"] == jfb["verdict"] == jfb["seeds won"] == "—"
    assert ift["difference from jfb (dB)"].startswith("1.00 [")
    assert (ift["verdict"], ift["seeds won"]) == ("better", "2/2")
    assert re.fullmatch(r"0\.\d{3} \(0\.\d{3}–0\.\d{3}\)", ift["time score"])
    assert jfb["mean gain (dB)"].startswith("9.50 [")
    unrolling = shown[shown["method"] == "unrolling"].iloc[0]
    assert (unrolling["mean gain (dB)"], unrolling["values"]) == ("9.80", "3/6")
    notes = " ".join(found.notes)
    assert "adding one changes it" in notes
    assert "no other method changes it" in notes
    assert "other runs than the rest" in notes


def test_a_method_that_was_not_read_at_a_fixed_point_is_flagged(pooled: Results) -> None:
    fraction = pooled.runs["forward_converged_fraction"].mask(pooled.runs["method"] == "ift", 0.9)
    runs = pooled.runs.assign(forward_converged_fraction=fraction)
    odd = scores_table(Dataset.of(replace(pooled, runs=runs)))
    assert {"ift !", "jfb"} < set(odd.cells["method"])
    assert any(note.startswith("!") for note in odd.notes)


def test_unknown_reference_is_one_line(pooled: Results) -> None:
    with pytest.raises(UserError, match="did you mean 'ift'"):
        Dataset.of(pooled, "gain=5", "itf")


def test_target_that_nobody_reaches(pooled: Results) -> None:
    dataset = Dataset.of(pooled, "psnr=70")
    found = scores_table(dataset)
    pool = dataset.pool
    assert (pool.ratios.left_out, pool.to_reference.left_out) == (6, 6)
    assert found.numbers["score"].isna().all()
    assert any("left out of the time scores: 6" in note for note in found.notes)


def test_one_method_has_no_scores(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", factories.EXPERIMENT)
    write_record(tmp_path, factories.run_record("jfb"))
    assert scores_table(Dataset.of(load_results(tmp_path), "gain=5")).numbers.empty
