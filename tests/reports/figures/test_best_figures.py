"""The figures of the best quality within a time and within a memory."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bench.records import RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.figures import best_within_memory, best_within_time
from reports.figures.direct_labels import label_marks
from reports.figures.view import View, views
from tests.support import records as factories

Rows = list[dict[str, object]]


def view_of(folder: Path, *records: RunRecord) -> View:
    write_experiment(folder / "experiment.yaml", factories.EXPERIMENT)
    for record in records:
        write_record(folder, record)
    (only,) = views(Dataset.of(load_results(folder), "gain=5"))
    return only


def points(*pairs: tuple[float, float]) -> Rows:
    rows = factories.curve("jfb")
    return [
        {**rows[at], "train_seconds": seconds, "psnr": psnr}
        for at, (seconds, psnr) in enumerate(pairs)
    ]


def run(method: str, seed: int, *pairs: tuple[float, float]) -> RunRecord:
    record = factories.run_record(method, seed, validation_psnr=pairs[-1][1])
    return replace(record, curve=points(*pairs))


def test_the_best_so_far_is_a_running_maximum_and_its_mean_over_seeds(tmp_path: Path) -> None:
    first = run("jfb", 0, (1.0, 30.0), (2.0, 34.0), (4.0, 31.0))
    second = run("jfb", 1, (1.5, 28.0), (3.0, 31.0), (5.0, 29.0))
    table = best_within_time.data(view_of(tmp_path, first, second))
    assert table is not None
    assert table["train_seconds"].min() >= 1.5  # both seeds have a value
    at = table.set_index("train_seconds")["psnr"]
    assert at.loc[1.6:1.9].unique() == pytest.approx([(30 + 28) / 2])
    assert at.loc[2.1:2.9].unique() == pytest.approx([(34 + 28) / 2])
    assert at.iloc[-1] == pytest.approx((34 + 31) / 2)
    assert (table["psnr_high"] - table["psnr"]).iloc[-1] == pytest.approx(3 / math.sqrt(2))
    assert not table["ahead"].any()


def test_a_method_is_named_only_where_it_leads_by_more_than_chance(tmp_path: Path) -> None:
    flat = ((1.0, 30.0), (10.0, 30.0))
    runs = [run("jfb", seed, *flat) for seed in range(4)]
    # ift: not different before 4 s, far better after it, and every seed the same.
    gains = [(0.5, -0.5, 0.4, -0.6)[seed] for seed in range(4)]
    runs += [
        run("ift", seed, (1.0, 30.0 + gains[seed]), (4.0, 35.0), (10.0, 35.0)) for seed in range(4)
    ]
    view = view_of(tmp_path, *runs)
    table = best_within_time.data(view)
    assert table is not None
    ahead = table[table["ahead"]]
    assert set(ahead["method"]) == {"ift"}
    assert ahead["train_seconds"].min() == pytest.approx(4.0, abs=0.6)
    stretches = list(best_within_time.leaders(table))
    assert [leader for leader, _, _ in stretches] == ["", "ift"]
    figure = best_within_time.draw(view)
    assert figure is not None
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert texts == ["inconclusive", "ift"]
    assert to_hex(figure.axes[1].patches[1].get_facecolor()) == view.styles["ift"].color.lower()


def test_one_seed_leads_nowhere(tmp_path: Path) -> None:
    runs = [run("jfb", 0, (1.0, 30.0), (9.0, 31.0)), run("ift", 0, (1.0, 40.0), (9.0, 41.0))]
    table = best_within_time.data(view_of(tmp_path, *runs))
    assert table is not None
    assert not table["ahead"].any()
    assert table["psnr_low"].isna().all()


def test_a_method_that_does_not_train_starts_after_its_preparation(view: View) -> None:
    table = best_within_time.data(view)
    assert table is not None
    tv = table[table["method"] == "tv"]
    assert 2.0 <= tv["train_seconds"].min() < 2.6
    assert set(tv["psnr"]) == {33.5}
    assert best_within_time.data(replace(view, curves=view.curves.iloc[:0])) is None


def test_memory_is_spent_on_the_best_method_that_it_affords(view: View) -> None:
    table = best_within_memory.data(view)
    assert table is not None
    assert list(table["method"]) == [
        "tv",
        "pnp_admm",
        "jfb",
        "ift",
        "dncnn",
        "phantom",
        "unrolling",
    ]
    assert list(table.loc[table["best"], "method"]) == ["tv", "jfb", "ift"]
    assert table["verdict"].iloc[0] == ""
    by_method = table.set_index("method")["verdict"]
    assert by_method["dncnn"] == "worse"
    assert by_method["unrolling"] == "too few seeds"


def test_the_names_stand_beside_the_marks_and_say_what_is_inconclusive(view: View) -> None:
    figure = best_within_memory.draw(view)
    assert figure is not None
    (axes,) = figure.axes
    texts = {text.get_text().split()[-1]: text for text in axes.texts if text.get_text()}
    assert set(texts) == set(factories.METHODS)
    assert texts["unrolling"].get_text() == "? unrolling"
    assert texts["dncnn"].get_text() == "dncnn"
    bold = {name for name, text in texts.items() if text.get_weight() == "bold"}
    assert bold == {"tv", "jfb", "ift"}
    (steps,) = [line for line in axes.lines if len(line.get_xdata()) > 1]
    assert list(steps.get_ydata()) == [33.5, 33.5, 34.5, 34.5, 35.5, 35.5]
    assert steps.get_xdata()[-1] == axes.get_xlim()[1]


def test_an_inconclusive_step_is_marked(tmp_path: Path) -> None:
    runs = [factories.run_record("jfb", seed) for seed in range(3)]
    runs += [
        factories.run_record("ift", seed, psnr=34.0 + (1.3, 0.2, 3.0)[seed]) for seed in range(3)
    ]
    runs = [replace(each, images=[]) for each in runs]
    view = view_of(tmp_path, *runs)
    figure = best_within_memory.draw(view)
    assert figure is not None
    assert {text.get_text() for text in figure.axes[0].texts} == {"jfb", "≈ ift"}


@pytest.mark.parametrize("bytes_used", [None, 0.0, math.inf])
def test_without_a_memory_there_is_no_figure(tmp_path: Path, bytes_used: float | None) -> None:
    run = factories.run_record("jfb", peak_memory_bytes=bytes_used)
    assert best_within_memory.draw(view_of(tmp_path, run)) is None


def test_names_of_marks_that_lie_together_do_not_cover_each_other() -> None:
    axes = Figure(figsize=(3.5, 2.5)).subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    marks = np.array([[0.5, 0.5], [0.52, 0.5], [0.5, 0.52], [0.97, 0.5]])
    names = ["one method", "another one", "a third", "at the edge"]
    line = np.array([[0.0, 0.55], [1.0, 0.55]])
    label_marks(axes, marks, names, [{}] * 4, avoid=line)
    texts = [text for text in axes.texts if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for at, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:at])
        assert axes.get_window_extent().contains(*box.min)
        assert axes.get_window_extent().contains(*box.max)
        low, high = axes.transData.inverted().transform([box.min, box.max])[:, 1]
        assert not low < 0.55 < high
