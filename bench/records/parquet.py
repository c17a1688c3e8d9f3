"""The tables of a results folder as Parquet files, which keep every value and its type."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


def check_parquet() -> None:
    """Raise UserError where the library that writes Parquet is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError("Parquet files require pyarrow: pip install 'implicit-bench[parquet]'")


def write_parquet(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    """Write `folder`/NAME.parquet for each table, without its index, and return the paths.

    The folder is made if it is not there. Raises UserError without pyarrow, and OSError where a
    file cannot be written.
    """
    check_parquet()
    folder.mkdir(parents=True, exist_ok=True)
    paths = {folder / f"{name}.parquet": table for name, table in tables.items()}
    for path, table in paths.items():
        table.to_parquet(path, engine="pyarrow", index=False)
    return list(paths)
