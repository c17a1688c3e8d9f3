"""The page in a browser: what its controls, tables and pictures do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import records as factories
from tests.support.browser import DRAWN, Shown, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TRAINED = set(factories.SECONDS_PER_STEP)


@pytest.fixture(scope="module")
def page(browser: Browser, report: Path) -> Iterator[Shown]:
    with opened(browser, report) as shown:
        yield shown


@pytest.fixture(autouse=True)
def start(page: Shown) -> Iterator[None]:
    """Every test begins with the first choices, and leaves no complaint."""
    page.page.evaluate("document.getElementById('controls').reset()")
    page.choose("problem", "motion")
    yield
    assert page.complaints == []


def test_the_page_asks_for_nothing_but_itself(page: Shown, report: Path) -> None:
    for section in page.page.locator("h2").all():
        section.scroll_into_view_if_needed()
    assert {asked for asked in page.requests if not asked.startswith("data:")} == {report.as_uri()}


def test_all_charts_are_drawn(page: Shown) -> None:
    assert page.methods("curves") == {*TRAINED, "jfb (deprox)"} - {"jfb"} | {"jfb (degrad)"}
    assert page.marks("curves", "line") == len(TRAINED) + 1
    assert page.marks("curves", "area") == len(TRAINED) + 1
    assert page.marks("times", "symbol") == len(page.points("times")) == 2 * len(TRAINED) + 2
    assert page.marks("costs", "symbol") == len(page.points("costs"))


@pytest.mark.parametrize(
    ("metric", "title", "last"),
    [("psnr", "PSNR", 34.5), ("gain", "gain", 9.5), ("ssim", "SSIM", 0.9)],
)
def test_the_metric_is_that_of_curves_and_costs(
    page: Shown, metric: str, title: str, last: float
) -> None:
    page.choose("metric", metric)
    for chart in ("curves", "costs"):
        assert any(title in each for each in page.titles(chart))
        own = [row for row in page.points(chart) if row["method"] == "jfb (degrad)"]
        assert own[-1]["y"] == pytest.approx(last, abs=0.1)


def test_a_problem_has_its_own_sizes_and_rows(page: Shown) -> None:
    assert "jfb (deprox)" in page.methods("curves")
    page.choose("problem", "gaussian")
    assert "jfb (deprox)" not in page.methods("curves")
    page.choose("size", "48")
    page.choose("cost", "memory")
    assert len(page.points("costs")) == len(factories.METHODS)
    page.choose("problem", "motion")
    assert page.page.input_value("[name=size]") == "32"


def test_a_layer_leaves_the_methods_without_one(page: Shown) -> None:
    page.choose("layer", "deprox")
    assert page.methods("curves") == {"jfb (deprox)", "dncnn"}


def test_curves_go_against_time_steps_or_evaluations(page: Shown) -> None:
    ends = {"train_seconds": 10.0, "step": 100, "forward_evaluations": 1000.0}
    for axis, end in ends.items():
        page.choose("axis", axis)
        own = [row["x"] for row in page.points("curves") if row["method"] == "jfb (degrad)"]
        assert max(own) == end


def test_times_have_the_chosen_unit(page: Shown) -> None:
    seconds = [row["x"] for row in page.points("times")]
    page.choose("seconds", "min")
    assert [60 * row["x"] for row in page.points("times")] == pytest.approx(seconds)
    assert "training time to the target (min)" in page.titles("times")
    assert "training time (min)" in page.titles("curves")


def test_a_lower_target_is_kept_by_more_seeds(page: Shown) -> None:
    kept = {}
    for target in page.page.locator("[name=target] option").all_text_contents():
        page.choose("target", target)
        kept[target] = sum(row["kept"] for row in page.points("times"))
    assert kept["tv-0.5"] >= kept["tv+0"] > kept["best-0.5"] > 0


def test_quality_goes_against_any_cost(page: Shown) -> None:
    page.choose("cost", "memory")
    assert "peak memory (MiB)" in page.titles("costs")
    (own,) = [row for row in page.points("costs") if row["method"] == "jfb (degrad)"]
    assert own["x"] == 20.0


def test_a_method_that_is_not_ticked_is_in_no_chart(page: Shown) -> None:
    box = page.page.get_by_label("ift", exact=True)
    box.uncheck()
    page.page.wait_for_selector(DRAWN)
    assert all("ift" not in page.methods(chart) for chart in ("curves", "times", "costs"))
    page.page.click("#none")
    page.page.wait_for_selector(DRAWN)
    assert "Nothing to show" in page.page.inner_text("#curves .count")
    page.page.click("#every")
    page.page.wait_for_selector(DRAWN)
    assert "ift" in page.methods("curves")


def test_a_name_in_the_legend_shows_its_method_alone(page: Shown) -> None:
    def faint() -> int:
        return page.page.locator(
            "#curves svg g.mark-line > path[stroke-opacity^='0.0'], "
            "#curves svg g.mark-line > path[opacity^='0.0']"
        ).count()

    assert faint() == 0
    page.page.locator("#curves svg .role-legend text", has_text="ift").first.click()
    page.page.wait_for_timeout(200)
    assert faint() == len(TRAINED)


def domain(page: Shown) -> list[float]:
    view = "document.querySelector('#curves .chart').view"
    return list(page.page.evaluate(f"{view}.scale('x').domain()"))


def test_a_chart_is_moved_by_dragging_and_zoomed_by_shift_and_wheel(page: Shown) -> None:
    chart, mouse = page.page.locator("#curves .chart svg"), page.page.mouse
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    before = domain(page)
    mouse.move(box["x"] + 400, box["y"] + 150)
    page.page.keyboard.down("Shift")
    mouse.wheel(0, -300)
    page.page.keyboard.up("Shift")
    page.page.wait_for_timeout(300)
    zoomed = domain(page)
    assert zoomed[1] - zoomed[0] < 0.9 * (before[1] - before[0])
    mouse.down()
    mouse.move(box["x"] + 300, box["y"] + 150, steps=4)
    mouse.up()
    page.page.wait_for_timeout(300)
    assert domain(page)[0] > zoomed[0]


def test_a_mark_tells_its_numbers(page: Shown) -> None:
    page.page.locator("#costs svg g.role-mark.mark-symbol > path").first.hover(force=True)
    tip = page.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    told = tip.inner_text()
    assert "jfb" in told
    assert all(title in told for title in ("final PSNR (dB)", "training time (s)", "95 % interval"))


# ------------------------------------------------------------------------------- tables, failures


def column(page: Shown, at: int) -> list[str]:
    cells = page.page.locator(f"#summary table tbody tr td:nth-child({at})")
    return [text.strip() for text in cells.all_text_contents()]


def test_a_table_is_sorted_by_its_numbers(page: Shown) -> None:
    heads = page.page.locator("#summary table thead th")
    place = heads.all_text_contents().index("gain (dB)") + 1

    def sorted_by_click(order: str) -> list[float]:
        heads.nth(place - 1).click()
        page.page.wait_for_selector(f"#summary th:nth-child({place})[aria-sort={order}]")
        return [float(text) for text in column(page, place) if text != "—"]

    gains = sorted_by_click("ascending")
    assert gains == sorted(gains)
    assert gains[0] < gains[-1]
    assert sorted_by_click("descending") == gains[::-1]


def test_a_table_is_searched(page: Shown) -> None:
    search = page.page.locator("#summary input[type=search]")
    rows = page.page.locator("#summary table tbody tr")
    every = rows.count()
    search.fill("dncnn")
    page.page.locator("#summary table tbody tr:nth-child(4)").wait_for(state="detached")
    assert column(page, 1) == ["dncnn"] * 3  # of three workloads
    search.fill("")
    page.page.locator(f"#summary table tbody tr:nth-child({every})").wait_for()
    assert rows.count() == every == 3 * len(factories.METHODS) + 1


def test_failures_are_told_with_their_message(page: Shown) -> None:
    assert "out_of_memory. CUDA out of memory" in page.page.inner_text("#failed-runs")


# ---------------------------------------------------------------------------------------- gallery


def set_range(page: Shown, name: str, value: int) -> None:
    page.page.locator(f"#gallery [name={name}]").fill(str(value))


def test_the_slider_uncovers_the_reconstruction(page: Shown) -> None:
    over = page.page.locator("#gallery .frame.slider .under").first
    for cut in (20, 80):
        set_range(page, "split", cut)
        page.page.wait_for_timeout(200)
        clip = over.evaluate("(one) => getComputedStyle(one).clipPath")
        assert f"{100 - cut}%" in clip


def test_an_error_map_is_the_difference_from_the_clean_image(page: Shown) -> None:
    page.page.select_option("#gallery [name=view]", "error")
    set_range(page, "gain", 10)
    frame = page.page.locator("#gallery .frame.error").last
    assert frame.evaluate("(one) => getComputedStyle(one).filter") == "brightness(10)"
    blend = "(one) => getComputedStyle(one).mixBlendMode"
    assert frame.locator(".under").evaluate(blend) == "difference"
    page.page.select_option("#gallery [name=view]", "slider")


def test_the_gallery_has_every_method_and_zooms(page: Shown) -> None:
    captions = page.page.locator("#gallery figcaption").all_text_contents()
    assert [text.partition(":")[0] for text in captions[:2]] == ["clean", "observed"]
    assert {text.partition(":")[0] for text in captions[2:]} >= set(factories.METHODS) - {"jfb"}
    widths = []
    for zoom in ("128", "320"):
        page.page.select_option("#gallery [name=zoom]", zoom)
        box = page.page.locator("#gallery .frame").first.bounding_box()
        widths.append(box and box["width"])
    assert widths == [128, 320]


def test_every_picture_can_be_chosen(page: Shown) -> None:
    seen = set()
    for option in page.page.locator("#gallery [name=picture] option").all():
        page.page.select_option("#gallery [name=picture]", option.get_attribute("value"))
        image = page.page.locator("#gallery .frame img").first
        assert image.evaluate("(one) => one.decode().then(() => one.naturalWidth)") in (16, 48)
        seen.add(image.get_attribute("src"))
    assert len(seen) > 1
