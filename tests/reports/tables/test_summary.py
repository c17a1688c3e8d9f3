"""The cells of the summary, one by one."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from bench.records import Results, RunRecord, load_results, write_experiment, write_record
from reports.tables.summary import summary
from reports.tables.terminal import cells, terminal_table, write_records
from reports.format import escape_markdown, markdown, number
from tests.support import records as factories


@pytest.fixture(scope="module")
def shown(results: Results) -> pd.DataFrame:
    return cells(summary(results, "gain=5")).set_index("method")


def one_method(folder: Path, *rows: dict[str, object]) -> dict[str, str]:
    write_experiment(folder / "experiment.yaml", {})
    for row in rows:
        write_record(folder, RunRecord(row))
    (line,) = cells(summary(load_results(folder), "gain=5")).to_dict("records")
    return {str(name): cell for name, cell in line.items()}


def test_every_method_has_a_row_in_order(shown: pd.DataFrame) -> None:
    assert list(shown.index) == list(factories.METHODS)


def test_cells_of_a_gradient_method(shown: pd.DataFrame) -> None:
    # 34 and 35 dB over 25 observed; 100 steps of 0.1 s; 20 MiB; 4 ms an image.
    expected = {
        "problem": "motion",
        "size": "32",
        "layer": "degrad",
        "PSNR (dB)": "34.50 ± 0.71",
        "gain (dB)": "9.50",
        "SSIM": "0.900 ± 0.000",
        "train (s)": "10.0",
        "to target (s)": "2.00",
        "prepare (s)": "—",
        "memory (MiB)": "20.0",
        "ms/image": "4.00",
        "converged": "100 %",
        "seeds": "2/2",
        "status": "2 completed",
    }
    assert shown.loc["jfb"].to_dict() == expected


def test_untrained_and_censored_methods(shown: pd.DataFrame) -> None:
    assert shown.loc["dncnn", "to target (s)"] == "> 5.00 (0/2)"
    assert shown.loc["tv", ["train (s)", "to target (s)", "layer"]].tolist() == ["—"] * 3
    assert shown.loc["tv", "prepare (s)"] == "2.00"
    assert shown.loc["pnp_admm", "prepare (s)"] == "9.00"


def test_a_failed_run_is_counted_not_averaged(shown: pd.DataFrame) -> None:
    row = shown.loc["unrolling"]
    assert row["PSNR (dB)"] == "34.80"  # seed 0 alone, so no ±
    assert row["seeds"] == "1/2"
    assert row["status"] == "1 completed, 1 out_of_memory"


def test_a_method_whose_runs_all_failed_still_has_a_row(tmp_path: Path) -> None:
    rows = [factories.run_row(seed=seed, status="diverged", psnr=99.0) for seed in (0, 1)]
    row = one_method(tmp_path, *rows)
    assert row["PSNR (dB)"] == "—"
    assert row["to target (s)"] == "> 0 (0/2)"
    assert row["status"] == "2 diverged"


def test_an_unconverged_fixed_point_is_flagged(tmp_path: Path) -> None:
    rows = [
        factories.run_row(seed=seed, forward_converged_fraction=fraction)
        for seed, fraction in enumerate((1.0, 0.94))
    ]
    row = one_method(tmp_path, *rows)
    assert row["PSNR (dB)"] == "34.50 ± 0.71 !"
    assert row["converged"] == "94 %"


def test_convergence_at_the_limit_is_not_flagged(tmp_path: Path) -> None:
    row = one_method(tmp_path, factories.run_row(forward_converged_fraction=0.95))
    assert "!" not in row["PSNR (dB)"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (1.0, "1.00"), (12.34, "12.3"), (12345.6, "12346"),
     (1e-12, "0.000000"), (math.nan, "—"), (math.inf, "—")],
)  # fmt: skip
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_terminal_table_is_aligned_and_leaves_out_constants(results: Results) -> None:
    lines = terminal_table(results).splitlines()
    assert lines[0] == "motion 32x32; mean ± std over seeds; target tv+0 (33.5 dB)"
    header, ruler, *rows = lines[2:11]
    assert header.split()[0] == "method"
    assert "problem" not in header
    assert "layer" not in header
    assert [row.split()[0] for row in rows] == list(factories.METHODS)
    ends = {row.index(" ± ") for row in rows if " ± " in row[:30]}
    assert len(ends) == 1
    assert set(ruler) == {"-", " "}
    assert "> target not reached" in "\n".join(lines[11:])


def test_markdown_escapes_what_is_not_ours() -> None:
    assert escape_markdown("a|b\n<script>") == "a\\|b &lt;script&gt;"
    assert escape_markdown("![x](y) `c` *d*") == "!\\[x\\](y) \\`c\\` \\*d\\*"
    assert escape_markdown("pnp_admm s-1") == "pnp_admm s-1"
    table = markdown(pd.DataFrame({"method": ["a|b"], "PSNR (dB)": ["1"]}))
    assert table == "| method | PSNR (dB) |\n| --- | ---: |\n| a\\|b | 1 |\n"


def test_written_records_hold_every_run(results: Results, tmp_path: Path) -> None:
    write_records(results, tmp_path)
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 14
    assert len(pd.read_csv(tmp_path / "curves.csv")) == len(results.curves)
