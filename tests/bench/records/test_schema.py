"""The versions of the schema: what an earlier one left is read, and what it lacks is missing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench import records
from bench.records import DamagedRecord, load_results, read_record, schema, write_record
from tests.support import gradient_rows
from tests.support import records as factories


@pytest.fixture
def results(tmp_path: Path) -> Path:
    records.write_experiment(tmp_path / "experiment.yaml", factories.EXPERIMENT)
    return tmp_path


LATEST = {  # what each version added that a record of it must have
    1: "seed",
    2: "backward_seconds",
    3: "code_version",
    4: "tuned_parameters",
    5: "fingerprint",
    6: "network",
    7: "gradient_cosine",
}
TOLD = {  # a value of each column of text that a later version added
    "code_version": "0123456789ab",
    "forward_statuses": '{"converged": 16}',
    "adjoint_statuses": '{"max_iterations": 3}',
    "tuned_parameters": '{"weight": 0.1}',
}


def as_version(version: int, folder: Path) -> None:
    """Rewrite a record as this version of the schema left it."""
    later = {name for since, names in schema.ADDED_IN.items() if since > version for name in names}
    content = json.loads((folder / "record.json").read_text())
    old = {name: value for name, value in content.items() if name not in later}
    (folder / "record.json").write_text(json.dumps({**old, "schema_version": version}))
    if version == 1:
        curve = pd.read_csv(folder / "curve.csv").drop(columns="adjoint_residual")
        curve.to_csv(folder / "curve.csv", index=False, lineterminator="\n")
        for name in ("steps", "reconstruction", "memory"):
            (folder / f"{name}.csv").unlink(missing_ok=True)


def test_the_schema_is_at_version_7() -> None:
    assert records.SCHEMA_VERSION == max(LATEST) == 7
    assert set(schema.ADDED_IN) == {2, 3, 4, 5, 6, 7}


@pytest.mark.parametrize("version", LATEST)
def test_records_of_earlier_versions_are_read_with_the_new_columns_missing(
    results: Path, version: int
) -> None:
    record = factories.run_record("jfb", **TOLD)
    curve = [{**point, "adjoint_residual": 0.5} for point in record.curve]
    as_version(version, write_record(results, replace(record, curve=curve)))
    loaded = load_results(results)
    assert loaded.damaged == []
    (run,) = loaded.runs.to_dict("records")
    assert (run["schema_version"], run["psnr"]) == (version, 34.0)
    assert math.isnan(run["backward_seconds"]) is (version < 2)
    assert loaded.curves["adjoint_residual"].isna().all() == (version < 2)
    assert loaded.steps(run["run_id"]).empty is (version < 2)
    assert math.isnan(run["validation_psnr"]) is (version < 5)
    since = {"code_version": 3} | dict.fromkeys(schema.ADDED_IN[4], 4)
    expected = {name: TOLD[name] if version >= since[name] else "" for name in TOLD}
    assert {name: run[name] for name in TOLD} == expected
    assert read_record(results / "runs" / run["run_id"]).row["schema_version"] == version


@pytest.mark.parametrize(("version", "column"), LATEST.items())
def test_a_record_must_have_what_its_version_added(
    results: Path, version: int, column: str
) -> None:
    folder = write_record(results, factories.run_record("jfb"))
    as_version(version, folder)
    content = json.loads((folder / "record.json").read_text())
    del content[column]
    (folder / "record.json").write_text(json.dumps(content))
    with pytest.raises(DamagedRecord, match=f"columns are missing: {column}"):
        read_record(folder)


def without_versions(results: Path) -> None:
    """Rewrite gradients.csv as it was before it told the code and the libraries."""
    path = results / "gradients.csv"
    older = pd.read_csv(path).drop(
        columns=[name for names in schema.GRADIENT_COLUMNS_ADDED for name in names]
    )
    older.to_csv(path, index=False, lineterminator="\n")


def test_measurements_of_the_older_form_are_read(results: Path) -> None:
    rows = gradient_rows.study_rows(seeds=1)
    told = {"code_version": "0123456789ab", "library_versions": "{}"}
    records.write_gradients(results, [{**row, **told} for row in rows])
    assert set(load_results(results).gradients["code_version"]) == {"0123456789ab"}
    without_versions(results)
    loaded = load_results(results)
    assert loaded.damaged == []
    assert list(loaded.gradients["cosine"]) == [row["cosine"] for row in rows]
    assert set(loaded.gradients["code_version"]) == {""}
    assert set(loaded.gradients["library_versions"]) == {""}


def test_measurements_of_neither_form_are_damaged(results: Path) -> None:
    records.write_gradients(results, [gradient_rows.row()])
    path = results / "gradients.csv"
    pd.read_csv(path).drop(columns="library_versions").to_csv(path, index=False)
    with pytest.raises(DamagedRecord, match="header"):
        records.read_gradients(results)
