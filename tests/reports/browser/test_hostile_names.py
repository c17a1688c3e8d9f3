"""Names of a stranger in a browser: text, wherever the page shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.reports.browser.conftest import NAMES
from tests.support.browser import Shown, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def page(browser: Browser, hostile: Path) -> Iterator[Shown]:
    with opened(browser, hostile) as shown:
        yield shown


def test_no_name_is_markup_or_code(page: Shown, hostile: Path) -> None:
    assert page.page.title() == hostile.parent.parent.name
    assert page.page.locator("b", has_text="bold").count() == 0
    assert page.page.locator("img[src=x]").count() == 0
    assert page.complaints == []
    assert {asked for asked in page.requests if not asked.startswith("data:")} == {hostile.as_uri()}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is_written(page: Shown, name: str) -> None:
    assert any(name in text for text in page.page.locator("#methods label").all_text_contents())
    assert name in page.page.inner_text("#failed-runs")
    assert name in page.page.locator("[name=problem] option").all_text_contents()
    page.choose("problem", name)
    assert {name in method for method in page.methods("curves")} == {True}
    named = page.page.locator("#curves .role-legend text").all_text_contents()
    assert any(text.startswith(name[:20]) for text in named)
    page.choose("cost", "memory")
    page.page.locator("#costs svg g.role-mark.mark-symbol > path").first.hover(force=True)
    tip = page.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert name in tip.inner_text()
    assert page.page.title() != "broken"


def test_the_policy_of_the_page_stops_what_is_not_its_own(page: Shown) -> None:
    page.page.evaluate(
        """() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'broken'";
        document.body.append(script);
        const image = new Image();
        image.src = "https://example.invalid/x.png";
        document.body.append(image);
        }"""
    )
    page.page.wait_for_timeout(200)
    assert page.page.title() != "broken"
    assert sum("Content Security Policy" in each for each in page.complaints) == 2
