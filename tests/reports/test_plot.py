"""One figure of results, by its name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from bench.errors import UserError
from bench.records import Results, load_results
from reports.figures.draw import FIGURES, POOLED_FIGURES, figure_name
from tests.support import records as factories

NAMES = [figure_name(module) for module in (*FIGURES, *POOLED_FIGURES)]
NAMES.remove("cost_vs_size")  # which needs two sizes
NEED_THE_REFERENCE = ("difference", "noise")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("several")
    for size in (16, 32):
        factories.write_results(folder, size=size)
    return load_results(folder)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_of_runs_can_be_asked_for(results: Results, name: str) -> None:
    options = {"target": "gain=5"} if name not in NEED_THE_REFERENCE else {"reference": "ift"}
    assert isinstance(results.plot(name, **options), Figure)


def test_a_workload_is_chosen(several: Results) -> None:
    figure = several.plot("psnr_vs_time", problem="motion", size=16)
    assert "16×16 px" in figure.get_suptitle()
    with pytest.raises(UserError, match=r"give problem and size: .*16×16 px; motion, 32×32 px"):
        several.plot("psnr_vs_time")
    with pytest.raises(UserError, match="no such problem and size"):
        several.plot("psnr_vs_time", size=64)
    assert isinstance(several.plot("ranks"), Figure)
    assert isinstance(several.plot("cost_vs_size"), Figure)


def test_mistakes_are_user_errors(results: Results) -> None:
    with pytest.raises(UserError, match="did you mean 'psnr_vs_time'"):
        results.plot("psnr_vs_tme")
    with pytest.raises(UserError, match="no measured gradients"):
        results.plot("gradient_error")
    with pytest.raises(UserError, match="nothing to show"):
        replace(results, images=results.images.iloc[:0], metrics=results.metrics.iloc[:0]).plot(
            "metrics"
        )
    with pytest.raises(UserError, match="have no runs"):
        replace(results, runs=results.runs.iloc[:0]).plot("ranks")
