"""What a user names as a folder: there, missing, or refused with one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.folders import folder_exists
from tests.support.strange_places import PLACES


def test_a_folder_is_there_also_through_a_link_and_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert folder_exists(tmp_path)
    assert folder_exists(tmp_path / "link")
    assert not folder_exists(tmp_path / "missing" / "below")


@pytest.mark.timeout(10)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_folder_is_refused_and_so_is_what_is_below_it(
    tmp_path: Path, place: str
) -> None:
    path = tmp_path / "place"
    PLACES[place](path)
    with pytest.raises(UserError, match=f"^{path}: "):
        folder_exists(path)
    if place != "a link to nowhere":  # below it nothing is in the way
        with pytest.raises(UserError, match=f"^{path}/below: "):
            folder_exists(path / "below")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "/".join(["deep" * 40] * 50)])
def test_a_name_that_no_folder_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"too long|null"):
        folder_exists(tmp_path / name)


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read everything
    with pytest.raises(UserError, match="no permission to read this folder"):
        folder_exists(tmp_path)
