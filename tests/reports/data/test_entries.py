"""What of several results folders is compared: ranks, differences and times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.records import load_results, write_experiment, write_record
from reports.data import entries
from reports.data.best import BEST, UNKNOWN
from reports.data.dataset import Dataset
from reports.data.entries import (
    Entry,
    Ranks,
    differences_from,
    entries_of,
    ranks,
    verdicts_within_machines,
)
from reports.stats.aggregate import Array
from reports.stats.verdicts import BETTER, INCONCLUSIVE, WORSE
from tests.support import records as factories

SEEDS = 4
JFB, IFT, TV = 34.0, 35.0, 33.0  # the mean PSNR of a seed 0 of the synthetic records


def made(psnr: Array, *, seeds: Sequence[int] = (0, 1, 2), observed: float = 25.0) -> Entry:
    return Entry("a", pd.DataFrame(), tuple(seeds), psnr, np.full_like(psnr, observed))


def around(level: float, spread: float = 0.0) -> Array:
    """Three seeds by three images, whose seeds differ by the spread."""
    return level + np.array([[0.0, 1.0, 2.0]]) + spread * np.array([[-1.0], [0.0], [1.0]])


def test_a_rank_is_shared_where_the_order_is_inconclusive() -> None:
    close = [around(30.0, 1.0), around(29.9)]
    found = ranks([made(around(35.0)), *map(made, close), made(around(20.0))])
    assert found == [Ranks(1, 1), Ranks(2, 3), Ranks(2, 3), Ranks(4, 4)]


def test_all_verdicts_on_a_row_hold_together() -> None:
    top = made(around(30.0) + np.array([[0.0], [0.15], [0.4]]))
    others = [made(around(29.3 - n)) for n in range(4)]
    assert ranks([top, others[0]]) == [Ranks(1, 1), Ranks(2, 2)]
    assert ranks([top, *others])[0] == Ranks(1, 2)


def test_what_is_not_comparable_has_no_rank() -> None:
    single = made(around(40.0)[:1], seeds=[0])
    other_images, fewer = made(around(40.0), observed=26.0), made(around(40.0)[:, :2])
    failed = made(np.empty((0, 3)), seeds=[])
    known = [made(around(35.0)), made(around(30.0))]
    found = ranks([single, other_images, fewer, *known, failed])
    assert found[3:5] == [Ranks(1, 1), Ranks(2, 2)]
    assert all(math.isnan(found[n].low) for n in (0, 1, 2, 5))


def test_too_many_rows_have_no_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MOST_ENTRIES", 2)
    found = ranks([made(around(level)) for level in (33.0, 32.0, 31.0)])
    assert all(math.isnan(each.low) for each in found)


def folder(path: Path, *methods: str, observed: float | None = None, **changes: object) -> Dataset:
    path.mkdir()
    experiment = dict(factories.EXPERIMENT)
    if "fingerprint" in changes:
        floor = {**experiment["noise_floor"], "fingerprint": changes["fingerprint"]}  # type: ignore[dict-item]
        experiment["noise_floor"] = floor
    write_experiment(path / "experiment.yaml", experiment)
    for seed in range(SEEDS):
        for method in methods:
            record = factories.run_record(method, seed, **changes)
            if observed is not None:
                record.row["psnr_observed"] = observed
                for row in record.images:
                    row["psnr_observed"] = observed
            write_record(path, record)
    return Dataset.of(load_results(path), "gain=5")


def named(found: Sequence[Entry]) -> list[tuple[str, str]]:
    return [(str(each.runs["label"].iloc[0]), each.folder) for each in found]


def test_a_method_of_two_folders_is_two_entries_paired_by_seed_and_image(tmp_path: Path) -> None:
    folders = {"a": folder(tmp_path / "a", "jfb", "ift"), "b": folder(tmp_path / "b", "jfb", "tv")}
    (found,) = entries_of(folders)
    assert named(found) == [("ift", "a"), ("jfb", "a"), ("jfb", "b"), ("tv", "b")]
    ift, jfb, again, tv = found
    assert (jfb.differences(again) == 0).all()
    assert ift.differences(again).shape == (SEEDS, factories.IMAGES)
    assert ift.differences(again).mean() == pytest.approx(IFT - JFB)
    assert tv.differences(jfb).mean() == pytest.approx(TV - JFB)


def test_other_observed_images_are_not_paired(tmp_path: Path) -> None:
    folders = {"a": folder(tmp_path / "a", "jfb"), "b": folder(tmp_path / "b", "ift", observed=24)}
    ((ift, jfb),) = entries_of(folders)
    assert ift.differences(jfb).size == 0


def test_differences_are_from_the_reference_of_the_same_folder(tmp_path: Path) -> None:
    folders = {"a": folder(tmp_path / "a", "jfb", "ift", "tv"), "b": folder(tmp_path / "b", "ift")}
    (found,) = entries_of(folders)
    compared = dict(zip(named(found), differences_from("jfb", found), strict=True))
    base, difference = compared["ift", "a"]
    assert base is not None
    assert difference is not None
    assert difference.verdict == BETTER
    assert difference.interval.estimate == pytest.approx(IFT - JFB)
    assert compared["tv", "a"][1].verdict == WORSE  # type: ignore[union-attr]
    assert compared["jfb", "a"][1] is None
    assert compared["ift", "b"] == (None, None)


def test_times_are_compared_within_a_machine_only(tmp_path: Path) -> None:
    own = {"fingerprint": "fedcba987654"}
    folders = {
        "a": folder(tmp_path / "a", "jfb", "ift"),
        "again": folder(tmp_path / "again", "jfb"),
        "b": folder(tmp_path / "b", "phantom", "unrolling", **own),
        "unknown": folder(tmp_path / "unknown", "dncnn", fingerprint=""),
    }
    (found,) = entries_of(folders)
    verdicts = verdicts_within_machines("step_seconds", found, folders)
    assert dict(zip(named(found), verdicts, strict=True)) == {
        ("jfb", "a"): BEST,
        ("jfb", "again"): INCONCLUSIVE,
        ("ift", "a"): WORSE,
        ("phantom", "b"): BEST,
        ("unrolling", "b"): WORSE,
        ("dncnn", "unknown"): UNKNOWN,
    }
