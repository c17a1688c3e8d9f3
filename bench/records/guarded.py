"""Turns whatever a damaged file raises into one kind of error, which names the file."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import yaml

from bench.records.files import one_line
from bench.records.model import DamagedRecord

Content = TypeVar("Content")

# What json, csv, yaml, zipfile and zlib raise on files that are not what they should be.
BROKEN = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EOFError),
    *(ArithmeticError, csv.Error, yaml.YAMLError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)


def guarded(read: Callable[[Path], Content], path: Path) -> Content:
    """Turn whatever a damaged file makes `read` raise into DamagedRecord."""
    try:
        return read(path)
    except BROKEN as error:
        raise DamagedRecord(f"{path}: {one_line(error)}") from error
