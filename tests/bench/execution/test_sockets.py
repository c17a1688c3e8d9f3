"""A folder for sockets whose path is short enough, whatever TMPDIR is."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from multiprocessing import util
from multiprocessing.connection import Listener
from pathlib import Path

import pytest

from bench.execution.sockets import LONGEST_PATH, prepare_socket_folder


@pytest.fixture
def long_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """TMPDIR, which multiprocessing has not looked at yet."""
    long = tmp_path / ("x" * 150)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)  # type: ignore[attr-defined]
    return long


def test_a_long_tmpdir_is_got_around_for_sockets_alone(long_folder: Path) -> None:
    prepare_socket_folder()
    assert len(os.fsencode(util.get_temp_dir())) <= LONGEST_PATH + len("/pymp-xxxxxxxx")
    with Listener(family="AF_UNIX"):
        pass
    assert tempfile.gettempdir() == str(long_folder)


def test_a_short_tmpdir_is_left_alone(long_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    prepare_socket_folder()
    assert "tempdir" not in multiprocessing.current_process()._config  # type: ignore[attr-defined]
