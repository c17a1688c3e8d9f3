"""Results shared by the report tests; written once, never changed by a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.records import Results, load_results
from reports.data.dataset import Dataset
from reports.figures.view import View, views
from tests.support import records as factories
from tests.support.sketches import sketched


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return load_results(factories.write_results(tmp_path_factory.mktemp("synthetic")))


@pytest.fixture
def sketches() -> Iterator[None]:
    """Figures are not rendered during the test."""
    with sketched():
        yield


@pytest.fixture(scope="session")
def view(results: Results) -> View:
    (only,) = views(Dataset.of(results, "gain=5"))
    return only
