"""The page for every reader: dark, on a phone, by keyboard, by a screen reader, without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import PHONE, Shown, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Relative luminance of what an element's colour, or the ground that it lies on, is.
LIGHT = """(one, name) => {
  let [seen, color] = [one, "rgba(0, 0, 0, 0)"];
  for (; seen && /^rgba.*, 0\\)$/.test(color); seen = seen.parentElement) {
    color = getComputedStyle(seen)[name];
  }
  const [r, g, b] = color.match(/[\\d.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}"""


def light(shown: Shown, selector: str, name: str = "backgroundColor") -> float:
    return float(shown.page.locator(selector).first.evaluate(LIGHT, name))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ground_and_letters_follow_the_scheme(browser: Browser, report: Path, scheme: Any) -> None:
    with opened(browser, report, color_scheme=scheme) as shown:
        for place in ("body", "#summary td", "#summary th", "#controls select", "pre"):
            ground, ink = light(shown, place), light(shown, place, "color")
            assert (ground < 0.25) is (scheme == "dark"), place
            assert abs(ground - ink) > 0.5, place
        labels = light(shown, "#curves svg .role-axis-label text", "fill")
        assert (labels > 0.5) is (scheme == "dark")
        lines = shown.page.locator("#curves svg g.role-mark.mark-line > path")
        for color in {line.evaluate(LIGHT, "stroke") for line in lines.all()}:
            assert abs(color - light(shown, "body")) > 0.15
        assert shown.complaints == []


def test_a_scheme_that_changes_is_followed(browser: Browser, report: Path) -> None:
    with opened(browser, report) as shown:
        shown.page.emulate_media(color_scheme="dark")
        shown.page.wait_for_timeout(100)
        shown.page.wait_for_selector("html[data-drawn=yes]")
        assert light(shown, "body") < 0.25
        assert light(shown, "#curves svg .role-axis-label text", "fill") > 0.5


def test_a_phone_shows_all_but_wide_tables_without_moving(browser: Browser, report: Path) -> None:
    with opened(browser, report, viewport=PHONE) as shown:
        assert shown.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        psnr = shown.page.locator("#summary td:nth-child(2)").first.bounding_box()
        assert psnr is not None
        assert psnr["x"] + psnr["width"] <= PHONE["width"]
        assert shown.page.locator("#summary th").nth(1).inner_text() == "PSNR (dB)"
        for chart in shown.page.locator(".chart svg").all():
            box = chart.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= PHONE["width"]
        frames = shown.page.locator("#gallery .frame").all()[:2]
        first, second = (frame.bounding_box() for frame in frames)
        assert first is not None
        assert second is not None
        assert first["y"] == second["y"]  # two in a row


def test_the_first_column_stays_while_a_table_is_moved(browser: Browser, report: Path) -> None:
    with opened(browser, report, viewport=PHONE) as shown:
        left = """() => [1, 3].map((at) => document.querySelector(`#summary td:nth-child(${at})`)
            .getBoundingClientRect().left)"""
        first, other = shown.page.evaluate(left)
        shown.page.evaluate("document.querySelector('#summary [tabindex]').scrollLeft = 150")
        assert shown.page.evaluate(left) == [first, other - 150]


def test_no_table_is_cut_at_1280_pixels(browser: Browser, report: Path) -> None:
    with opened(browser, report) as shown:
        cut = """() => [...document.querySelectorAll("table")]
            .filter((one) => one.scrollWidth > one.closest(".scrolled").clientWidth)
            .map((one) => one.closest("section").id)"""
        assert shown.page.evaluate(cut) == []


def test_the_keyboard_reaches_and_sets_the_controls(browser: Browser, report: Path) -> None:
    with opened(browser, report) as shown:
        reached = []
        for _ in range(60):
            shown.page.keyboard.press("Tab")
            reached.append(shown.page.evaluate("document.activeElement.name || ''"))
        wanted = ["problem", "size", "layer", "metric", "axis", "cost", "target", "seconds", "m0"]
        assert [name for name in reached if name in wanted] == wanted
        assert {"picture", "view", "split", "zoom"} <= set(reached)
        shown.page.focus("[name=metric]")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert shown.page.evaluate(outline) == "solid"
        shown.page.keyboard.press("ArrowDown")
        shown.page.wait_for_selector("html[data-drawn=yes]")
        assert any("gain" in title for title in shown.titles("curves"))


def test_a_screen_reader_has_a_name_for_everything(browser: Browser, report: Path) -> None:
    unnamed = """() => [...document.querySelectorAll("input, select, button, img, svg, [tabindex]")]
        .filter((one) => one.checkVisibility() && !one.labels?.length
            && !one.getAttribute("aria-label") && !one.textContent.trim()
            && !one.matches("img[alt]"))
        .map((one) => one.outerHTML.slice(0, 200))"""
    with opened(browser, report) as shown:
        assert shown.page.evaluate(unnamed) == []
        names = [one.get_attribute("aria-label") for one in shown.page.locator(".chart svg").all()]
        assert [str(name).partition(":")[0] for name in names] == [
            *("Quality during training", "Time to the target", "Final quality against cost")
        ]


def test_without_scripts_the_page_is_complete(browser: Browser, report: Path) -> None:
    with opened(browser, report, java_script_enabled=False) as shown:
        assert not shown.page.locator("#explore").is_visible()
        figures = shown.page.locator("figure img")
        assert figures.count() > 20
        assert all(figure.is_visible() for figure in figures.all())
        assert shown.page.locator("#summary td", has_text="dncnn").first.is_visible()
        assert shown.complaints == []


def test_figures_that_charts_replace_are_seen_without_scripts_alone(
    browser: Browser, report: Path
) -> None:
    with opened(browser, report) as shown:
        places = shown.page.locator("figure:has(img.replaced)")
        assert places.count() > 3
        assert not any(place.is_visible() for place in places.all())
