"""The dataset: everything derived from the records, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.errors import UserError
from bench.records import Results
from reports.data import dataset as module
from reports.data.dataset import Dataset
from reports.data.grouping import completed
from reports.report import write_report
from tests.support import records as factories


@pytest.mark.usefixtures("sketches")
def test_a_report_derives_labels_targets_and_times_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def count(*given: Any) -> Any:
            calls[name] += 1
            return function(*given)

        return count

    for name in ("with_labels", "resolve_target", "training_times", "reconstruction_times"):
        monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    write_report(factories.write_results(tmp_path))
    once = {"with_labels": 1, "training_times": 1, "reconstruction_times": 1}
    assert calls == {**once, "resolve_target": 2}  # of training and of reconstruction


def test_every_run_is_kept_in_reporting_order(results: Results) -> None:
    dataset = Dataset.of(results)
    assert len(dataset.runs) == len(results.runs)
    assert dataset.legends == list(factories.METHODS)
    assert (dataset.target, dataset.image_target) == ("tv+0", "tv-0.1")
    trained = dataset.runs["below"].notna()
    assert set(dataset.runs.loc[trained, "method"]) == set(factories.SECONDS_PER_STEP)
    assert dataset.runs["image_target"].notna().sum() == len(completed(dataset.runs))


def test_the_reference_is_jfb_where_it_is_there(results: Results) -> None:
    assert Dataset.of(results).reference == "jfb"
    assert Dataset.of(results, reference="ift").reference == "ift"
    with pytest.raises(UserError, match="did you mean 'ift'"):
        Dataset.of(results, reference="itf")
