"""Scores of synthetic records, whose numbers are known by construction."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.errors import UserError
from bench.records import Results, load_results, write_experiment, write_record
from reports.data import pool
from reports.data.dataset import Dataset
from reports.data.labels import with_labels
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
    assert jfb["gain_mean"] == jfb["gain_median"] == jfb["gain_iqm"] == pytest.approx(9.5)
    assert jfb["gain_mean_low"] < 9.5 < jfb["gain_mean_high"]
    assert jfb["values"] == 6
    unrolling = of(found, "unrolling")
    assert (unrolling["values"], unrolling["gain_mean"]) == (3, pytest.approx(9.8))
    assert math.isnan(unrolling["gain_mean_low"])  # one seed tells no spread


def test_improvement_over_the_reference(dataset: Dataset, found: Table) -> None:
    # ift has 10 and 11 where jfb has 9 and 10: of 4 pairs it wins 3 and ties in 1.
    assert dataset.reference == "jfb"
    assert of(found, "ift")["improvement"] == pytest.approx(0.875)
    assert math.isnan(of(found, "jfb")["improvement"])
    assert of(found, "dncnn")["improvement"] == 0


def test_time_scores_follow_the_ratios(dataset: Dataset, found: Table) -> None:
    ratios = dataset.pool.ratios.of_method
    assert of(found, "jfb")["score"] == of(found, "jfb")["score_to_reference"] == 1
    expected = np.maximum(0, 4 - ratios["ift"]).mean() / 3
    assert 0 < of(found, "ift")["score"] == pytest.approx(expected)
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


def test_seeds_are_the_blocks_of_a_single_workload(results: Results) -> None:
    single = Dataset.of(results, "gain=5")
    assert (single.pool.block, single.pool.shape) == ("seed", (2, 1))
    assert any("share their test images" in note for note in scores_table(single).notes)


def test_text_says_what_it_is_relative_to(found: Table) -> None:
    shown = found.cells
    assert "P(better than jfb)" in shown.columns
    jfb = shown[shown["method"] == "jfb"].iloc[0]
    assert jfb["P(better than jfb)"] == "—"
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
    assert (pool.ratios.workloads_left_out, pool.to_reference.workloads_left_out) == (3, 3)
    assert found.numbers["score"].isna().all()
    assert any("left out of the time scores: 3" in note for note in found.notes)


def test_one_method_has_no_scores(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", factories.EXPERIMENT)
    write_record(tmp_path, factories.run_record("jfb"))
    assert scores_table(Dataset.of(load_results(tmp_path), "gain=5")).numbers.empty
