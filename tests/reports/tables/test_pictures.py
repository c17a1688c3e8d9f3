"""The table of larger pictures, on values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.records import Results
from reports.data.dataset import Dataset
from reports.stats.intervals import crossed_interval
from reports.tables.pictures import LEAST, pictures_table

HEAD = "difference from jfb (dB)"


def with_pictures(results: Results, count: int, *, lost: str = "") -> Results:
    """Each run has so many pictures; ift is 0.5 dB above jfb, and others 0.25 below it."""
    runs = results.runs[results.runs["status"] == "completed"]
    gains = {"jfb": 0.0, "ift": 0.5}
    rows = [
        {
            "run_id": run.run_id,
            "picture": at,
            "name": f"p{at}",
            "height": 64,
            "width": 96,
            "psnr": 30.0 + at + run.seed + gains.get(str(run.method), -0.25) + 0.01 * (at % 2),
            "ssim": 0.9,
            "psnr_observed": 20.0 + at,
        }
        for run in runs.itertuples()
        for at in range(count)
        if run.run_id != lost
    ]
    return replace(results, pictures=pd.DataFrame(rows))


def shown(results: Results) -> pd.DataFrame:
    return pictures_table(Dataset.of(results)).cells.set_index("method")


def test_means_are_over_pictures_and_the_spread_over_seeds(results: Results) -> None:
    table = shown(with_pictures(results, 3))
    mean = 30.0 + 1 + 0.01 / 3 + 0.5  # of seeds 0 and 1
    assert table.loc["jfb", "PSNR (dB)"] == f"{mean:.2f} ± {math.sqrt(0.5):.2f}"
    assert table.loc["jfb", ["pictures", "pixels", "seeds"]].tolist() == ["3", "96×64", "2"]
    assert table.loc["jfb", "gain (dB)"] == f"{mean - 21:.2f}"


def test_few_pictures_have_a_difference_without_an_interval(results: Results) -> None:
    table = shown(with_pictures(results, LEAST - 1))
    assert table.loc["ift", [HEAD, "verdict"]].tolist() == ["0.50", "—"]
    assert table.loc["jfb", HEAD] == "—"


def test_the_interval_is_that_of_the_paired_differences(results: Results) -> None:
    given = with_pictures(results, LEAST)
    noise = np.random.default_rng(0).normal(0, 0.1, len(given.pictures))
    given = replace(given, pictures=given.pictures.assign(psnr=given.pictures["psnr"] + noise))
    table = pictures_table(Dataset.of(given)).numbers.set_index("method")
    runs = given.runs[given.runs["status"] == "completed"].set_index(["method", "seed"])
    values = given.pictures.pivot(index="run_id", columns="picture", values="psnr")
    ids = [[runs.loc[(name, seed), "run_id"] for seed in (0, 1)] for name in ("ift", "jfb")]
    expected = crossed_interval(values.loc[ids[0]].to_numpy() - values.loc[ids[1]].to_numpy())
    found = table.loc["ift", ["difference", "difference_low", "difference_high"]].tolist()
    assert found == pytest.approx([expected.estimate, expected.low, expected.high])


def test_a_run_without_pictures_is_left_out(results: Results) -> None:
    lost = results.runs.loc[results.runs["method"] == "ift", "run_id"].iloc[0]
    table = shown(with_pictures(results, 3, lost=lost))
    assert table.loc["ift", "seeds"] == "1"


def test_records_without_pictures_have_no_table(results: Results) -> None:
    assert pictures_table(Dataset.of(replace(results, pictures=results.pictures[:0]))).numbers.empty
