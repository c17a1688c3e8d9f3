"""The figures of what is noise, where methods fail, and what size costs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records import RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.figures import cost_vs_size, failures, noise
from reports.figures.view import View, views
from tests.support import records as factories


def views_of(folder: Path, *records: RunRecord) -> list[View]:
    folder.mkdir(exist_ok=True)
    write_experiment(folder / "experiment.yaml", factories.EXPERIMENT)
    for record in records:
        write_record(folder, record)
    return views(Dataset.of(load_results(folder), "gain=5"))


# ---------------------------------------------------------------------------------------- noise


def test_noise_has_the_difference_and_the_margin_of_each_method(view: View) -> None:
    table = noise.data(view)
    assert table is not None
    quality = table[table["quantity"] == noise.PSNR].set_index("method")
    assert list(quality.index) == [name for name in factories.METHODS if name != "jfb"]
    assert quality.loc["ift", "difference"] == pytest.approx(1.0)
    assert quality.loc["dncnn", "verdict"] == "worse"
    assert math.isnan(quality.loc["unrolling", "noise"])  # one seed
    times = table[table["quantity"] == noise.STEP].set_index("method")
    assert list(times.index) == ["ift", "phantom", "unrolling", "dncnn"]
    assert times.loc["ift", "difference"] == pytest.approx(math.log(3))
    assert dict(times["verdict"]) == {**dict.fromkeys(times.index, "worse"), "dncnn": "better"}


def test_a_mark_is_filled_outside_the_band_and_open_inside(tmp_path: Path) -> None:
    # The floor is 8.2 %: 1 % lies within it, 50 % does not.
    records = []
    for seed in range(3):
        records.append(factories.run_record("jfb", seed))
        for method, seconds in (("ift", 10.1), ("phantom", 15.0)):
            records.append(factories.run_record(method, seed, train_seconds=seconds))
    (view,) = views_of(tmp_path, *records)
    figure = noise.draw(view)
    assert figure is not None
    _, times = figure.axes
    near, far = (line for line in times.lines if line.get_marker() in "s^")
    assert abs(near.get_xdata()[0]) < 1 < far.get_xdata()[0]
    assert near.get_markerfacecolor() == "white"
    assert far.get_markerfacecolor() == view.styles["phantom"].color
    texts = [text.get_text() for text in times.texts]
    assert texts[0].startswith("× 1.01 ± ")
    assert texts[0].endswith("inconclusive")
    assert texts[1].startswith("× 1.5 ± ")
    heading = " ".join(figure.get_suptitle().split())
    assert "1 of 2 in step time" in heading


def test_noise_says_why_a_row_is_empty(view: View) -> None:
    figure = noise.draw(view)
    assert figure is not None
    quality, times = ([text.get_text() for text in axes.texts] for axes in figure.axes)
    assert quality[2].endswith("dB, noise unknown")  # unrolling
    assert times[-2:] == ["not trained", "not trained"]


def test_noise_needs_the_reference_and_another_method(tmp_path: Path) -> None:
    (alone,) = views_of(tmp_path / "a", factories.run_record("jfb"))
    (without,) = views_of(tmp_path / "b", *(factories.run_record(name) for name in ("ift", "tv")))
    assert noise.draw(alone) is None
    assert noise.draw(without) is None


# ------------------------------------------------------------------------------------- failures


def test_failures_by_seed_where_there_is_one_workload(view: View) -> None:
    table = failures.data([view])
    assert table is not None
    bad = table[table["share"] > 0]
    assert bad[["method", "place", "failed", "unconverged", "runs"]].to_numpy().tolist() == [
        ["unrolling", "seed 1", 1, 0, 1]
    ]
    figure = failures.draw([view])
    assert figure is not None
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["seed 0", "seed 1"]
    assert [text.get_text() for text in axes.texts].count("×") == 1
    assert "1 run of 14 not completed (×), 0 at an" in " ".join(figure.get_suptitle().split())


def test_failures_by_workload_count_unconverged_runs_too(tmp_path: Path) -> None:
    records = []
    for size in (16, 32):
        for seed in range(3):
            part = 0.5 if seed == 2 else 1.0
            records.append(factories.run_record("jfb", seed, size=size))
            if size == 16 or seed:
                record = factories.run_record(
                    "ift", seed, size=size, forward_converged_fraction=part
                )
            else:
                record = factories.failed_record("ift", seed)
                record.row.update(size=32)
            records.append(record)
    skipped = factories.run_record("tv", size=16)
    skipped.row["status"] = "skipped"
    shown = views_of(tmp_path, *records, skipped)
    table = failures.data(shown)
    assert table is not None
    cells = table.set_index(["method", "place"])
    assert set(table["place"]) == {"16\N{NO-BREAK SPACE}px", "32\N{NO-BREAK SPACE}px"}
    assert cells.loc[("ift", "32\N{NO-BREAK SPACE}px")].to_dict() == {
        "failed": 1,
        "unconverged": 1,
        "runs": 3,
        "share": pytest.approx(2 / 3),
    }
    assert set(table["method"]) == {"jfb", "ift"}  # a skipped run is none
    figure = failures.draw(shown)
    assert figure is not None
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["0 of 3", "0 of 3", "1! of 3", "1× 1! of 3"]


def test_no_failure_no_figure(tmp_path: Path) -> None:
    assert failures.draw(views_of(tmp_path, factories.run_record("jfb"))) is None


def test_of_very_many_places_those_with_the_most_failures_are_shown(tmp_path: Path) -> None:
    records = [factories.run_record("jfb", size=16 + size) for size in range(20)]
    for record in records[-2:]:
        record.row.update(forward_converged_fraction=0.1)
    figure = failures.draw(views_of(tmp_path, *records))
    assert figure is not None
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert len(names) == 15
    assert names[-1] == "35\N{NO-BREAK SPACE}px"
    assert "5 workloads with fewer left out" in " ".join(figure.get_suptitle().split())


# ----------------------------------------------------------------------------------------- cost


def sizes(folder: Path, *problems: str) -> list[View]:
    records = []
    for problem in problems:
        for size in (16, 32, 64):
            for seed in range(2):
                scale = (size / 32) ** 2 * (1 + 0.2 * seed)
                changes = {"train_seconds": 10 * scale, "problem": problem, "size": size}
                records.append(factories.run_record("jfb", seed, **changes))
    tv = factories.run_record("tv", size=16)
    failed = factories.failed_record("ift", 0)
    return views_of(folder, *records, tv, failed)


def test_cost_grows_with_size(tmp_path: Path) -> None:
    table = cost_vs_size.data(sizes(tmp_path, "motion"))
    assert table is not None
    assert set(table["method"]) == {"jfb"}  # tv does not train, ift failed
    times = table[table["quantity"] == cost_vs_size.STEP].set_index("size")
    assert list(times["mean"]) == pytest.approx([27.5, 110.0, 440.0])  # ms
    assert times.loc[32, "std"] == pytest.approx(20 / math.sqrt(2))
    memory = table[table["quantity"] == cost_vs_size.MEMORY]
    assert list(memory["mean"]) == [20.0] * 3


def test_a_problem_has_a_row_of_two_panels(tmp_path: Path) -> None:
    figure = cost_vs_size.draw(sizes(tmp_path, "motion", "gaussian"))
    assert figure is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["gaussian"] * 2 + ["motion"] * 2
    assert [axes.get_ylabel() for axes in figure.axes[:2]] == [
        cost_vs_size.STEP,
        cost_vs_size.MEMORY,
    ]
    assert list(figure.axes[0].lines[0].get_xdata()) == [16, 32, 64]
    assert "mean of 2 seeds; bars: ±1 std" in " ".join(figure.get_suptitle().split())


def test_more_problems_than_rows_are_counted(tmp_path: Path) -> None:
    figure = cost_vs_size.draw(sizes(tmp_path, *"abcdef"))
    assert figure is not None
    assert len(figure.axes) == 2 * cost_vs_size.MOST_PROBLEMS
    assert "2 further problems left out" in figure.get_suptitle()


def test_one_size_has_no_cost_against_size(view: View) -> None:
    assert cost_vs_size.draw([view]) is None
    assert cost_vs_size.draw([replace(view, runs=view.runs.iloc[:0])]) is None
