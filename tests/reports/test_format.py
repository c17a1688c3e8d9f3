"""How numbers are written, and that names from strangers stay text."""

from __future__ import annotations

import math
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.format import escape_markdown, markdown_table, number, plain, printable

READER = MarkdownIt("commonmark", {"html": False}).enable("table")
HOSTILE = (
    *("<script>alert(1)</script>", "[x](javascript:alert(1))", "[a](b)", "![a](b)", "](", "!["),
    *("`code` ``", "a|b||", "a\nb\r\n", "&lt;b&gt; &#x3c;", "\\", "a\\|b", "- a", "+", "12. a"),
    *("1)", "===", "---", "***", "# a", "> a", "~~~", "__init__", "_a_ __b__", "$x^2$", "<!-- a"),
    *("http://a.b", "* a", "-0.5"),
)


class Text(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (1.0, "1.00"), (12.34, "12.3"), (12345.6, "12346"),
     (1e-12, "0.000000"), (math.nan, "—"), (math.inf, "—")],
)  # fmt: skip
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_plain() -> None:
    assert [plain(value) for value in (0.01, 1e-4, 20.0)] == ["0.01", "1e-4", "20"]


def test_ordinary_names_are_left_as_they_are() -> None:
    for name in ("pnp_admm", "s-1", "phantom (degrad)", "2026-01-01", "34.50 ± 0.71", "2.12.1"):
        assert escape_markdown(name) == name


def check_stays_text(text: str) -> None:
    shown = printable(text, 1000)
    for line in (escape_markdown(text), f"- {escape_markdown(text)}"):
        page = Text(READER.render(line))
        assert page.text.strip() == shown
        assert page.tags <= {"p", "ul", "li"}
    (row,) = markdown_table(pd.DataFrame({"method": [text], text: ["1"]})).splitlines()[2:]
    page = Text(READER.render(f"| a | b |\n| --- | --- |\n{row}\n"))
    assert page.text.split() == ["a", "b", *shown.split(), "1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    check_stays_text(text)


@given(st.text("ab1 -+=_*`[]()<>&;#|\\~$!.:\"'\n", max_size=20))
def test_every_name_stays_text(text: str) -> None:
    check_stays_text(text)
