"""Pages in a headless Chromium, which keep what they complained of and asked for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DRAWN = "html[data-drawn=yes]"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def reason_to_skip() -> str | None:
    """Why there is no browser here."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed"
    return None if shutil.which("chromium") else "no chromium is installed: make test-browser does"


@dataclass
class Shown:
    """A page that is open; complaints: errors and warnings; requests: addresses, but for data."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def choose(self, name: str, value: str) -> None:
        """Set a control of the form, and wait for the charts."""
        self.page.select_option(f"#controls [name={name}]", value)
        self.page.wait_for_selector(DRAWN)

    def points(self, chart: str) -> list[dict[str, Any]]:
        """The rows that a chart shows."""
        view = f"document.querySelector('#{chart} .chart').view"
        return list(self.page.evaluate(f"{view} ? {view}.data('points') : []"))

    def marks(self, chart: str, kind: str) -> int:
        """How many marks of a kind a chart has drawn."""
        return self.page.locator(f"#{chart} svg g.role-mark.mark-{kind} > path").count()

    def titles(self, chart: str) -> list[str]:
        """The titles of a chart's axes."""
        return self.page.locator(f"#{chart} svg .role-axis-title text").all_text_contents()

    def methods(self, chart: str) -> set[str]:
        return {row["method"] for row in self.points(chart)}


@contextmanager
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path, **options: Any) -> Iterator[Shown]:
    """Open a page, wait until its charts are drawn; options: of the browser's context."""
    context = browser.new_context(**{"viewport": WIDE, **options})
    page = context.new_page()
    shown = Shown(page)
    kinds = ("error", "warning")
    page.on("console", lambda said: said.type in kinds and shown.complaints.append(said.text))
    page.on("pageerror", lambda error: shown.complaints.append(str(error)))
    page.on("request", lambda asked: shown.requests.append(asked.url))
    page.goto(file.as_uri())
    if options.get("java_script_enabled", True):
        page.wait_for_selector(DRAWN)
    yield shown
    context.close()
