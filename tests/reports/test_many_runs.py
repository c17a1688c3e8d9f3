"""What keeps a report of ten thousand runs small, and equal to one of a few."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench import beside
from bench.records import Results, load_results
from reports import report
from reports.data.dataset import Dataset
from reports.data.pool import MOST_VALUES
from reports.figures import canvas, convergence
from reports.figures import draw as drawing
from reports.figures.draw import MOST_WORKLOADS, note_on_views, views_drawn
from reports.figures.view import MOST_METHODS, views
from reports.report import write_report
from reports.tables.scores import scores_table
from tests.support.synthetic_results import METHODS, write_synthetic


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return load_results(write_synthetic(tmp_path_factory.mktemp("synthetic"), seeds=1))


def test_the_synthetic_records_are_whole(results: Results) -> None:
    assert results.damaged == []
    assert len(results.runs) == 10 * len(METHODS)
    trained = results.runs["train_seconds"].notna()
    assert (results.curves.groupby("run_id").size() == 50).all()
    assert results.curves["run_id"].nunique() == trained.sum() == 10 * (len(METHODS) - 1)
    assert len(results.steps(str(results.runs["run_id"].iloc[0]))) == 300
    assert set(results.plan.runs) == set(results.runs["run_id"])


def one_by_one(curve: pd.DataFrame, level: float) -> tuple[float, float]:
    below, reached = 0.0, math.inf
    for seconds, psnr in reversed(list(zip(curve["train_seconds"], curve["psnr"], strict=True))):
        if not psnr >= level:
            return seconds, reached
        reached = seconds
    return below, reached


@pytest.mark.parametrize("target", ["psnr=33.5", "tv+0.5", "best-0.5", "psnr=99", "gain=0"])
def test_times_of_all_runs_are_those_of_each(results: Results, target: str) -> None:
    shuffled = replace(results, curves=results.curves.sort_values("step", kind="stable"))
    found = Dataset.of(shuffled, target).trained
    assert found["run_id"].nunique() == len(found) == 100
    for run in found.sample(30, random_state=0).to_dict("records"):
        curve = results.curves[results.curves["run_id"] == run["run_id"]]
        assert (run["below"], run["reached"]) == one_by_one(curve, run["target"])
        there = curve[curve["psnr"] >= run["target"]]
        first = there["train_seconds"].iloc[0] if len(there) else math.inf
        assert run["first_reached"] == first
        kept = curve[curve["train_seconds"] >= run["reached"]]
        vjps = kept["vjps"].iloc[0] if len(kept) else math.inf
        assert run["vjps_to_target"] == vjps


def test_tracks_of_all_runs_are_those_of_each(results: Results) -> None:
    found = Dataset.of(results, "tv-0.1").runs
    assert found["image_target"].notna().all()
    for run in found.sample(30, random_state=0).to_dict("records"):
        track = results.reconstructions[results.reconstructions["run_id"] == run["run_id"]]
        track = track.rename(columns={"seconds_per_image": "train_seconds"})
        expected = one_by_one(track, run["image_target"])
        assert (run["image_below"], run["image_reached"]) == expected


def test_runs_that_share_no_seed_nor_workload_have_no_scores(results: Results) -> None:
    count = len(results.runs)
    assert count**3 < MOST_VALUES
    repeated = pd.concat([results.runs] * 3, ignore_index=True)
    alone = repeated.assign(
        run_id=[str(at) for at in range(3 * count)],
        method=[f"m{at}" for at in range(3 * count)],
        seed=range(3 * count),
        size=range(3 * count),
    )
    strange = replace(results, runs=alone)
    dataset = Dataset.of(strange, "psnr=30")
    assert scores_table(dataset).numbers.empty
    assert dataset.pool.ranks is None


def test_figures_are_of_few_workloads_and_methods(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    workloads = views(Dataset.of(results, "tv+0"))
    assert len(workloads) == 10 > MOST_WORKLOADS
    (shown,) = views_drawn(workloads)
    assert shown.size == 64
    assert "one of 10 workloads" in note_on_views(workloads, [shown])
    assert views_drawn(workloads[:MOST_WORKLOADS]) == workloads[:MOST_WORKLOADS]
    many = results.runs.assign(method=[f"m{at % 55}" for at in range(len(results.runs))], size=32)
    named = replace(results, runs=many.assign(problem="motion"))
    assert [len(view.legends) for view in views(Dataset.of(named, "psnr=30"))] == [MOST_METHODS]


@pytest.mark.parametrize(("all_figures", "count"), [(False, 1), (True, 10)])
def test_all_figures_on_demand(
    results: Results,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    all_figures: bool,
    count: int,
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(drawing, "save", lambda figure, stem: drawn.append(stem.name))
    monkeypatch.setattr(drawing, "FIGURES", (drawing.quality_vs_cost,))
    monkeypatch.setattr(drawing, "POOLED_FIGURES", ())
    folder = write_report(results.path, all_figures=all_figures).folder
    assert len(set(drawn)) == count
    said = "--figures all" in (folder / "index.html").read_text()
    assert said is not all_figures


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_figures_drawn_beside_the_tables_are_the_same(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(view: object) -> None:
        raise ValueError("no such figure")

    monkeypatch.setattr(drawing, "FIGURES", (drawing.quality_vs_cost, drawing.phases))
    monkeypatch.setattr(drawing, "POOLED_FIGURES", ())
    monkeypatch.setattr(drawing.phases, "draw", fail)
    monkeypatch.setattr(beside, "_can_fork", lambda: True)
    here = write_report(results.path)
    expected = files_of(here.folder)
    saved: list[Path] = []

    def note_and_save(figure: Figure, stem: Path) -> None:
        saved.append(stem)
        canvas.save(figure, stem)

    monkeypatch.setattr(drawing, "save", note_and_save)
    monkeypatch.setattr(report, "MANY_RUNS", len(results.runs))
    there = write_report(results.path)
    assert saved == []  # in this process
    assert files_of(there.folder) == expected
    assert there.problems == here.problems != []


def test_steps_of_few_seeds_are_read(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    steps_of = Results.steps_of

    def count(self: Results, run_ids: list[str]) -> pd.DataFrame:
        asked.append(len(run_ids))
        return steps_of(self, run_ids)

    monkeypatch.setattr(Results, "steps_of", count)
    monkeypatch.setattr(convergence, "MOST_SEEDS", 3)
    runs = results.runs.assign(size=32, problem="motion")
    one = views(Dataset.of(replace(results, runs=runs), "psnr=30"))
    assert convergence.draw(one[0]) is not None
    assert max(asked) == 3
