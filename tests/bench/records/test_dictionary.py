"""The data dictionary and the schema name the same columns."""

from __future__ import annotations

import pytest

from bench.records import Results
from bench.records.dictionary import COLUMNS_OF, OWN, SHARED, _lines, describe


@pytest.mark.parametrize("table", COLUMNS_OF)
def test_every_column_has_a_meaning(table: str) -> None:
    described = describe(table)
    assert list(described["column"]) == list(COLUMNS_OF[table])
    assert described["meaning"].str.len().min() > 5
    assert set(_lines(OWN[table])) <= set(COLUMNS_OF[table])


def test_nothing_is_described_that_is_not_there() -> None:
    assert set(_lines(SHARED)) <= {name for columns in COLUMNS_OF.values() for name in columns}


@pytest.mark.parametrize("table", COLUMNS_OF)
def test_the_unit_is_that_of_the_name(table: str) -> None:
    units = describe(table).set_index("column")["unit"]
    for ending, unit in (
        ("_seconds", "s"),
        ("_bytes", "bytes"),
        ("psnr", "dB"),
        ("_fraction", "1"),
    ):
        of_name = [name for name in units.index if name.endswith(ending)]
        assert all(units[name] == unit for name in of_name)


def test_what_a_column_means_in_one_table_wins() -> None:
    meanings = {
        table: describe(table).set_index("column")["meaning"] for table in ("runs", "curves")
    }
    assert "test images" in meanings["runs"]["psnr"]
    assert "validation images" in meanings["curves"]["psnr"]


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(KeyError):
        describe("rnus")


def test_results_describe_themselves() -> None:
    assert set(Results.describe()["table"]) == set(COLUMNS_OF)
