"""What a report begins with says no more than the numbers allow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.records import Results, RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.data.headline import Scope, headline, on_quality
from reports.stats.aggregate import Array
from tests.support import records as factories
from tests.support.soaked import only


def written(folder: Path, target: str = "gain=5", **psnr: list[float]) -> list[str]:
    """The headline of runs with these final qualities, of one seed after another."""
    folder.mkdir(exist_ok=True)
    write_experiment(folder / "experiment.yaml", factories.EXPERIMENT)
    for method, values in psnr.items():
        for seed, value in enumerate(values):
            row = factories.run_row(method, seed, psnr=value)
            write_record(folder, RunRecord(row, factories.curve(method, seed)))
    return headline(Dataset.of(load_results(folder), target))


def test_what_synthetic_records_say(results: Results) -> None:
    found = headline(Dataset.of(results, "gain=5"))
    assert found[0].startswith("ift ends 1.00 dB above jfb (35.50 against 34.50 dB; 95 % interval")
    assert found[1].startswith("ift ends 6.50 dB above dncnn")
    assert found[2].startswith("ift ends 2.00 dB above tv")
    assert found[3].startswith("jfb reaches the target (gain=5) 3.0 times sooner than ift")


def test_the_exact_method_is_compared_as_in_the_scores(results: Results) -> None:
    """The reference and the exact method are chosen before looking: six verdicts, not 21."""
    dataset = Dataset.of(results, "gain=5")
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "reports.data.headline.on_quality",
            lambda scope, first, second, comparisons: seen.append(comparisons) or first,
        )
        headline(dataset)
    assert seen == [6, 21, 21]


def test_seeds_that_disagree_are_inconclusive(tmp_path: Path) -> None:
    (first, *_) = written(tmp_path, jfb=[34.0, 34.5, 34.2], ift=[34.4, 34.1, 34.3])
    assert first.startswith(
        "Whether jfb or ift ends higher is inconclusive (34.23 against 34.27 dB"
    )
    assert "3 seeds" in first


def test_methods_within_a_tenth_of_a_decibel_match(tmp_path: Path) -> None:
    (first, *_) = written(tmp_path, jfb=[34.0, 34.5, 34.2], ift=[34.01, 34.49, 34.2])
    assert first.startswith("jfb matches ift to within 0.1 dB (34.23 against 34.23 dB")


def test_one_seed_says_nothing(tmp_path: Path) -> None:
    (first, *_) = written(tmp_path, jfb=[34.0], ift=[36.0])
    assert first == (
        "jfb and ift (34.00 against 36.00 dB) cannot be compared: 1 seed, no interval."
    )


def test_a_target_that_is_missed_is_said(tmp_path: Path) -> None:
    qualities = {"jfb": [34.0, 34.1], "ift": [34.0, 34.1]}
    assert written(tmp_path / "a", "psnr=50", **qualities)[-1] == (
        "Neither jfb nor ift keeps the target (psnr=50) in its training time."
    )
    # With seeds s the curves end near 34 + s and 35 + s: the second seed alone is half of them.
    assert written(tmp_path / "b", "psnr=34.5", **qualities)[-1].startswith(
        "ift reaches the target"
    )


def test_one_method_or_none_has_no_headline(tmp_path: Path) -> None:
    assert written(tmp_path, jfb=[34.0, 35.0]) == []
    assert headline(None) == []


def test_several_problems_are_told_apart(tmp_path: Path) -> None:
    for problem in ("motion", "gaussian"):
        factories.write_results(tmp_path, problem=problem)
    found = headline(Dataset.of(load_results(tmp_path), "gain=5"))
    assert {sentence.split(":")[0] for sentence in found} == {"motion, 32×32", "gaussian, 32×32"}


def test_many_problems_are_taken_together(tmp_path: Path) -> None:
    for size in (16, 32, 64, 128):
        factories.write_results(tmp_path, size=size)
    found = headline(Dataset.of(load_results(tmp_path), "gain=5"))
    assert found[0].startswith("ift ends 1.00 dB above jfb (10.50 against 9.50 dB of gain")


# ------------------------------------------------------------------------------------- chance


def of_equals(rng: np.random.Generator, methods: int, seeds: int) -> Scope:
    """Methods that are equal: only seeds, images and what is left differ."""
    shape = (seeds, 16)
    shared = rng.normal(0, 2, 16)
    values: dict[str, Array] = {
        f"m{n}": 30 + shared + rng.normal(0, 0.2, (seeds, 1)) + rng.normal(0, 0.3, shape)
        for n in range(methods)
    }
    means = {name: float(each.mean()) for name, each in values.items()}
    return Scope("", pd.DataFrame(), means, lambda a, b: values[a] - values[b], "dB")


@pytest.mark.parametrize("seeds", only([3], [2, 3, 8]))
def test_the_best_of_equal_methods_is_seldom_said_to_be_better(seeds: int) -> None:
    """The best and the worst of six are compared: the largest difference there is."""
    rng, trials, claimed = np.random.default_rng(0), 400, 0
    for _ in range(trials):
        scope = of_equals(rng, 6, seeds)
        order = sorted(scope.psnr, key=lambda name: scope.psnr[name])
        claimed += " dB above " in on_quality(scope, order[-1], order[0], comparisons=15)
    assert claimed <= 0.05 * trials + 3 * (0.05 * 0.95 * trials) ** 0.5
