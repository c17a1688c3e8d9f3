"""How many values a setting has, and how many runs a grid: refused before they are made."""

from __future__ import annotations

import pytest

from bench.config.overrides import parse_setting
from bench.config.sweeps import LARGEST_GRID, require_grid
from bench.errors import UserError
from bench.experiment.grid import GridRequest, build_grid


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("range(1,4)", ("1", "2", "3")),
        ("range(5,1,-2)", ("5", "3")),
        ("range(0,1,0.5)", ("0.0", "0.5")),
        ("range(4,1)", ()),
        ("3,1", ("3", "1")),
        ("sort(3,1)", ("1", "3")),
        ("[3,1]", ("[3,1]",)),
    ],
)
def test_the_values_of_a_sweep(values: str, expected: tuple[str, ...]) -> None:
    assert parse_setting(f"steps={values}").values == expected


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ("range(1,100000000)", "99,999,999"),
        ("shuffle(range(1,100000000))", "99,999,999"),
        ("range(0,1,1e-9)", "1,000,000,000"),
        (f"range(1{'0' * 400})", "about 10^400"),
        ("range(0,1,1e-320)", "about 10^3"),
    ],
)
def test_a_sweep_of_absurd_size_is_refused_with_its_count(values: str, count: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_setting(f"steps={values}")
    assert f"too many values of steps: {count}" in str(caught.value)


@pytest.mark.parametrize("values", ["range(1,inf)", "range(nan,3)", "range(1,5,0)"])
def test_a_range_without_an_end_is_refused(values: str) -> None:
    with pytest.raises(UserError, match=r"steps: a range needs finite limits and a step"):
        parse_setting(f"steps={values}")


def test_the_largest_grid_is_accepted() -> None:
    require_grid(LARGEST_GRID, "runs")
    with pytest.raises(UserError, match=r"too many runs: 100,001 \(at most 100,000\)"):
        require_grid(LARGEST_GRID + 1, "runs")


def test_all_that_multiplies_a_grid_is_counted(registered: None) -> None:
    wide = "phantom[steps=range(1,401),damping=range(0.001,0.402,0.001)]"
    with pytest.raises(UserError, match=r"too many methods with their parameters: 160,\d00 "):
        build_grid(GridRequest(wide, device="cpu"))
    request = GridRequest("jfb,tv", problem="all", sizes="32,64", layer="all", seeds="99999")
    with pytest.raises(UserError, match=r"too many runs in one experiment: 1,599,984 "):
        build_grid(request)
