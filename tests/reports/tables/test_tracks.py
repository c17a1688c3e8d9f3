"""The tracks of training and of reconstruction, phases and noise, on values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records import Results
from reports.data.dataset import Dataset
from reports.tables.cells import decimal, of_seeds
from reports.tables.phases import phases_table
from reports.tables.reconstruction import (
    images_to_pay_back,
    reconstruction_table,
)
from reports.tables.training import training_table

COSTS = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


def row_of(table: pd.DataFrame, method: str) -> dict[str, float]:
    (row,) = table[table["method"] == method].to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_training_track_holds_what_trains(results: Results) -> None:
    shown = training_table(Dataset.of(results, "gain=5"))
    table = shown.numbers
    assert list(table["method"]) == ["jfb", "ift", "phantom", "unrolling", "dncnn"]
    jfb = row_of(table, "jfb")
    # 30 dB at the first point from 20 steps on, 0.1 s a step; ten evaluations of T a step.
    assert (jfb["time_to_target"], jfb["time_to_target_above"]) == (2.0, 1.0)
    assert jfb["target_psnr"] == 30.0
    assert jfb["time_to_target_resolution"] == 0.5
    cells = shown.cells.set_index("method").loc["jfb"]
    assert cells["interval width (%)"] == "50.0"
    assert cells["time to target (s)"] == "2.00 (2.00–2.00)"  # the range of two seeds
    assert cells["first crossing (s)"] == "2.00"
    assert jfb["restricted_mean"] == 2.0
    assert jfb["compile_seconds"] == 0.01


def test_censored_runs_count_in_the_restricted_mean(results: Results) -> None:
    found = training_table(Dataset.of(results, "gain=5"))
    table = found.numbers
    dncnn = row_of(table, "dncnn")
    # Never reached; the longest training of the place is that of unrolling: 100 steps of 0.5 s.
    assert dncnn["restricted_mean"] == dncnn["horizon"] == 50.0
    shown = found.cells.set_index("method")
    assert shown.loc["dncnn", "time to target (s)"] == "> 5.00 (0/2)"
    assert shown.loc["dncnn", "evaluations to target"] == "—"
    assert shown.loc["dncnn", "interval width (%)"] == "—"
    # At 34.5 dB unrolling gets there at step 70, 35 s, with one seed; the other failed after 20 s
    # and counts with the horizon.
    higher = training_table(Dataset.of(results, "psnr=34.5")).numbers
    assert row_of(higher, "unrolling")["restricted_mean"] == 42.5
    # unrolling: one seed reached it, the other failed after 20 s having reached it too.
    assert row_of(table, "unrolling")["seeds_reached"] == 2


@pytest.mark.parametrize(
    ("costs", "images"),
    [
        ((10.0, 1.0, 0.0, 2.0), 10.0),  # 10 + n <= 2 n
        ((10.0, 1.0, 2.5, 2.0), 8.0),  # 7.5, rounded up
        ((1.0, 1.0, 2.0, 2.0), 0.0),  # cheaper from the start
        ((1.0, 2.0, 2.0, 2.0), 0.0),
        ((10.0, 2.0, 0.0, 2.0), math.inf),
        ((10.0, 3.0, 0.0, 2.0), math.inf),
    ],
)
def test_payback_by_hand(costs: tuple[float, float, float, float], images: float) -> None:
    assert images_to_pay_back(*costs) == images


@given(COSTS, COSTS, COSTS, COSTS)
def test_payback_is_the_first_number_of_images_that_costs_no_more(
    fixed: float, per_image: float, other_fixed: float, other_per_image: float
) -> None:
    count = images_to_pay_back(fixed, per_image, other_fixed, other_per_image)

    def gain(images: float) -> float:
        return other_fixed + images * other_per_image - fixed - images * per_image

    if math.isinf(count):
        assert gain(1e6) <= 0
    elif per_image < other_per_image:
        assert gain(count) >= -1e-6 * (1 + fixed)
        assert count == 0 or gain(count - 1) < 1e-6 * (1 + fixed)
    assert math.isnan(images_to_pay_back(math.inf, per_image, other_fixed, other_per_image))


def test_reconstruction_track_holds_every_method(results: Results) -> None:
    found = reconstruction_table(Dataset.of(results, "tv-0.1"))
    table = found.numbers
    assert set(table["method"]) == set(results.runs["method"])
    # TV loses 8 dB from all its 300 iterations to none: at 100 it lacks 5.3 dB, at 300 nothing.
    tv = row_of(table, "tv")
    assert (tv["iterations_to_target"], tv["time_to_target"]) == (300, 0.006)
    assert tv["time_to_target_above"] == pytest.approx(0.002)
    assert math.isnan(tv["paid_back"])
    assert row_of(table, "pnp_admm")["prepare_seconds"] == 9.0  # its denoiser
    # ift is 2 dB better than TV: with 10 of 10 iterations, in 4 ms; with 5 it lacks 4 dB.
    ift = row_of(table, "ift")
    assert (ift["iterations_to_target"], ift["time_to_target"]) == (10, 0.004)
    # It trained for 30 s and saves 2 ms an image, against the 2 s of tuning TV.
    assert ift["paid_back"] == 14000
    shown = found.cells.set_index("method")
    assert shown.loc["ift", "target (dB)"] == "33.40"  # of TV 33 and 34 dB, less 0.1
    assert shown.loc["ift", "break-even (images)"] == "14000 (14000–14000) vs tv"
    assert shown.loc["dncnn", "time to target (ms)"] == "> 0.800 (0/2)"
    assert shown.loc["dncnn", "break-even (images)"] == "—"


def test_the_method_that_others_are_paid_back_against_must_reach_the_target(
    results: Results,
) -> None:
    # At 33.5 dB TV reaches it with one seed of two: its median is not reached; PnP-ADMM likewise.
    table = reconstruction_table(Dataset.of(results, "psnr=34.9")).numbers
    assert table["paid_back"].isna().all()


def slowed(results: Results, run_id: str, factor: float) -> Results:
    track = results.reconstructions.copy()
    track.loc[track["run_id"] == run_id, "seconds_per_image"] *= factor
    return replace(results, reconstructions=track)


def test_break_even_is_of_each_seed(results: Results) -> None:
    # With the second seed ift takes 5 ms: it saves 1 ms an image and needs twice as many.
    table = reconstruction_table(
        Dataset.of(slowed(results, "motion-32-degrad-ift-s1", 1.25), "tv-0.1")
    )
    ift = row_of(table.numbers, "ift")
    assert (ift["paid_back_low"], ift["paid_back_high"]) == (14000, 28000)
    assert ift["paid_back"] == 21000
    shown = table.cells.set_index("method")
    assert shown.loc["ift", "break-even (images)"] == "21000 (14000–28000) vs tv"
    never = reconstruction_table(
        Dataset.of(slowed(results, "motion-32-degrad-ift-s1", 2.0), "tv-0.1")
    ).cells.set_index("method")
    assert never.loc["ift", "break-even (images)"] == "never (14000–never) vs tv"


def test_break_even_is_of_one_machine(results: Results) -> None:
    own = results.runs["run_id"] == "motion-32-none-tv-s1"
    runs = results.runs.assign(fingerprint=results.runs["fingerprint"].mask(own, "other"))
    shown = reconstruction_table(Dataset.of(replace(results, runs=runs), "tv-0.1"))
    cells = shown.cells.set_index("method")
    assert cells.loc["ift", "break-even (images)"] == "14000 vs tv"  # of the first seed alone


def test_bounds_of_a_median_are_a_range_below_five_seeds() -> None:
    write = of_seeds("time", decimal("time"))
    row = {"time": 3.1, "time_low": 2.9, "time_high": 3.4, "time_is_range": True}
    assert write(row) == "3.10 (2.90–3.40)"
    assert write({**row, "time_is_range": False}) == "3.10 [2.90, 3.40]"
    assert write({**row, "time_high": math.inf}) == "3.10 (2.90–∞)"
    assert write({**row, "time_low": math.nan, "time_high": math.nan}) == "3.10"


def test_the_first_crossing_is_earlier_than_the_target_is_kept(results: Results) -> None:
    dips = (results.curves["run_id"] == "motion-32-degrad-jfb-s0") & (results.curves["step"] == 50)
    curves = results.curves.assign(psnr=results.curves["psnr"].mask(dips, 26.0))
    table = training_table(Dataset.of(replace(results, curves=curves), "gain=5"))
    jfb = row_of(table.numbers, "jfb")
    assert (jfb["time_to_first_crossing"], jfb["time_to_target"]) == (2.0, 4.0)  # of 6 and 2 s
    assert table.cells.set_index("method").loc["jfb", "time to target (s)"] == "≈ 4.00 (2.00–6.00)"


def test_phases_of_a_step(results: Results) -> None:
    found = phases_table(Dataset.of(results))
    jfb = row_of(found.numbers, "jfb")
    assert jfb["forward_seconds"] == pytest.approx(0.06)  # 60 % of 0.1 s
    half = replace(results, runs=results.runs.assign(steps=50))
    assert row_of(phases_table(Dataset.of(half)).numbers, "jfb")[
        "forward_seconds"
    ] == pytest.approx(0.12)
    shown = found.cells.set_index("method")
    assert shown.loc["jfb", "backward time (ms)"] == "30.0"
    assert "tv" not in shown.index


def test_results_without_what_version_2_added(results: Results) -> None:
    runs = results.runs.assign(forward_seconds=math.nan)
    bare = replace(results, runs=runs, reconstructions=results.reconstructions.iloc[:0])
    dataset = Dataset.of(bare, "tv-0.1")
    assert phases_table(dataset).numbers.empty
    assert reconstruction_table(dataset).numbers.empty
