"""The cells of the summary, one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.records import Results, RunRecord, load_results, write_experiment, write_record
from reports import format
from reports.data.dataset import Dataset
from reports.stats.intervals import crossed_interval, mean_interval, standard_errors
from reports.tables.summary import summary_table, terminal_summary
from tests.support import records as factories


@pytest.fixture(scope="module")
def shown(results: Results) -> pd.DataFrame:
    return summary_table(Dataset.of(results, "gain=5")).cells.set_index("method")


def one_method(folder: Path, *rows: dict[str, object]) -> dict[str, str]:
    write_experiment(folder / "experiment.yaml", {})
    for row in rows:
        write_record(folder, RunRecord(row))
    table = summary_table(Dataset.of(load_results(folder), "gain=5"))
    (line,) = table.cells.to_dict("records")
    return {str(name): cell for name, cell in line.items()}


def test_every_method_has_a_row_in_order(shown: pd.DataFrame) -> None:
    assert list(shown.index) == list(factories.METHODS)


def test_cells_of_a_gradient_method(shown: pd.DataFrame) -> None:
    # 34 and 35 dB over 25 observed; 100 steps of 0.1 s; 20 MiB; 4 ms an image.
    expected = {
        "problem": "motion",
        "size (px)": "32",
        "layer": "degrad",
        "PSNR (dB)": "34.50 ± 0.71",
        "95 % interval (dB)": shown.loc["jfb", "95 % interval (dB)"],
        "error of seeds, images (dB)": shown.loc["jfb", "error of seeds, images (dB)"],
        "gain (dB)": "9.50",
        "SSIM": "0.900 ± 0.000",
        "training time (s)": "10.0",
        "time to target (s)": "2.00",
        "preparation time (s)": "—",
        "peak memory (MiB)": "20.0",
        "time per image (ms)": "4.00",
        "converged solves (%)": "100",
        "seeds": "2/2",
        "status": "2 completed",
    }
    assert shown.loc["jfb"].to_dict() == expected


def test_the_interval_of_the_psnr_is_over_seeds_and_images(results: Results) -> None:
    table = summary_table(Dataset.of(results, "gain=5"))
    images = np.array(
        [[row["psnr"] for row in factories.images("jfb", seed)] for seed in range(2)], np.float64
    )
    jfb = table.numbers.set_index("label").loc["jfb"]
    expected = crossed_interval(images)
    assert (jfb["psnr_low"], jfb["psnr_high"]) == pytest.approx((expected.low, expected.high))
    errors = (jfb["psnr_error_seeds"], jfb["psnr_error_images"])
    assert errors == pytest.approx(standard_errors(images))
    shown = table.cells.set_index("method").loc["jfb"]
    assert shown["95 % interval (dB)"] == f"[{expected.low:.2f}, {expected.high:.2f}]"
    assert shown["error of seeds, images (dB)"] == f"{errors[0]:.2f}, {errors[1]:.2f}"
    # unrolling completed with one seed.
    assert table.cells.set_index("method").loc["unrolling", "95 % interval (dB)"] == "—"
    assert any("too few seeds" in note for note in table.notes)
    assert not any("seeds only" in note for note in table.notes)


def test_records_without_images_have_intervals_over_seeds_and_say_so(results: Results) -> None:
    bare = replace(results, images=results.images.iloc[:0])
    table = summary_table(Dataset.of(bare, "gain=5"))
    jfb = table.numbers.set_index("label").loc["jfb"]
    expected = mean_interval(np.array([34.0, 35.0]))
    assert (jfb["psnr_low"], jfb["psnr_high"]) == pytest.approx((expected.low, expected.high))
    assert np.isnan(jfb["psnr_error_images"])
    assert any("over seeds only, without the images, of 7 methods" in note for note in table.notes)


def test_untrained_and_censored_methods(shown: pd.DataFrame) -> None:
    assert shown.loc["dncnn", "time to target (s)"] == "> 5.00 (0/2)"
    assert (
        shown.loc["tv", ["training time (s)", "time to target (s)", "layer"]].tolist() == ["—"] * 3
    )
    assert shown.loc["tv", "preparation time (s)"] == "2.00"
    assert shown.loc["pnp_admm", "preparation time (s)"] == "9.00"


def test_a_failed_run_is_counted_not_averaged(shown: pd.DataFrame) -> None:
    row = shown.loc["unrolling"]
    assert row["PSNR (dB)"] == "? 34.80"  # seed 0 alone, so no ±, and nothing to compare it by
    assert row["seeds"] == "1/2"
    assert row["status"] == "1 completed, 1 out_of_memory"


def test_a_method_whose_runs_all_failed_still_has_a_row(tmp_path: Path) -> None:
    rows = [factories.run_row(seed=seed, status="diverged", psnr=99.0) for seed in (0, 1)]
    row = one_method(tmp_path, *rows)
    assert row["PSNR (dB)"] == "—"
    assert row["time to target (s)"] == "> 0 (0/2)"
    assert row["status"] == "2 diverged"


def test_an_unconverged_fixed_point_is_flagged(tmp_path: Path) -> None:
    rows = [
        factories.run_row(seed=seed, forward_converged_fraction=fraction)
        for seed, fraction in enumerate((1.0, 0.94))
    ]
    row = one_method(tmp_path, *rows)
    assert row["PSNR (dB)"] == "34.50 ± 0.71 !"
    assert row["converged solves (%)"] == "94"


def test_convergence_at_the_limit_is_not_flagged(tmp_path: Path) -> None:
    row = one_method(tmp_path, factories.run_row(forward_converged_fraction=0.95))
    assert "!" not in row["PSNR (dB)"]


def test_terminal_table_is_aligned_and_leaves_out_constants(results: Results) -> None:
    lines = terminal_summary(Dataset.of(results)).splitlines()
    assert lines[0] == "motion 32×32; mean ± std over seeds; target tv+0 (33.5 dB)"
    header, ruler, *rows = lines[2:11]
    assert header.split()[0] == "method"
    assert "problem" not in header
    assert "layer" not in header
    assert [row.split()[0] for row in rows] == list(factories.METHODS)
    ends = {row.index(" ± ") for row in rows if " ± " in row[:30]}
    assert len(ends) == 1
    assert set(ruler) == {"-", " "}
    assert "> target not reached" in "\n".join(lines[11:])


def test_the_headline_counts_the_kernels_where_there_are_several(results: Results) -> None:
    runs = results.runs.assign(kernel=results.runs["seed"].astype("float64"))
    (line, *_) = terminal_summary(Dataset.of(replace(results, runs=runs))).splitlines()
    assert line.startswith("motion 32×32; 2 kernels; mean ± std over seeds")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_summary_fits_a_terminal_and_breaks_no_word(
    results: Results, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    dataset = Dataset.of(results, "gain=5")
    whole = terminal_summary(dataset)
    monkeypatch.setattr(format, "terminal_width", lambda: width)
    text = terminal_summary(dataset)
    assert max(map(len, text.splitlines())) <= width < max(map(len, whole.splitlines()))
    words = {word for word in text.split() if set(word) != {"-"}}
    assert words == {word for word in whole.split() if set(word) != {"-"}}
    for cell in ("34.50 ± 0.71", "> 5.00 (0/2)"):
        assert cell in text
