"""The page of a report: Markdown from one template, and the HTML rendered from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import yaml

from bench.records import COMPLETED, Results
from reports.format import (
    LONGEST,
    NONE,
    escape_markdown,
    markdown_table,
    printable,
    printable_lines,
)
from reports.sections import Section

if TYPE_CHECKING:
    import jinja2
    from markdown_it.token import Token

    from reports.explorer.page import Explorer

SUMMARY = '<section id="summary">'
MOST_SETTINGS = 5000  # values of a configuration, of the some sixty that a run has
MOST_FACTS = 60


@dataclass(frozen=True)
class Page:
    """What a report says, before it takes a form; every text is one line, not yet escaped."""

    title: str
    headline: list[str]
    facts: dict[str, str]
    sections: list[Section]
    failed: list[dict[str, str]]
    damaged: list[str]
    problems: list[str]
    settings: str


def compose_page(
    results: Results,
    sections: Sequence[Section],
    problems: Sequence[str] = (),
    headline: Sequence[str] = (),
) -> Page:
    """Gather what the page says.

    problems: what could not be made, a sentence each; headline: what was found, likewise.
    """
    return Page(
        title=printable(results.path.resolve().name),
        headline=list(headline),
        facts=facts(results.experiment),
        sections=[
            each for each in sections if each.tables or each.figures or each.notes or each.files
        ],
        failed=failed_runs(results.runs),
        damaged=[printable(message, 400) for message in results.damaged],
        problems=[printable(message, LONGEST) for message in problems],
        settings=settings(results.experiment),
    )


def markdown(page: Page) -> str:
    """Return the page as Markdown; every value that is put into the template is escaped."""
    from markupsafe import Markup

    def escaped(value: object) -> Markup:
        return value if isinstance(value, Markup) else Markup(escape_markdown(value))

    environment = _environment(finalize=escaped)
    environment.filters["table"] = lambda cells: Markup(markdown_table(cells).rstrip())
    return environment.get_template("report.md.j2").render(page=page)


def html(page: Page, text: str, explorer: Explorer | None = None) -> str:
    """Return the HTML of the page's Markdown, with the resolved configuration after it.

    explorer: its interactive part, which comes before the summary.
    """
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = reader.renderer.render(_grouped(reader.parse(text)), reader.options, {})
    before, summary, rest = body.partition(SUMMARY)
    shell = _environment().get_template("page.html.j2")
    return shell.render(
        title=page.title,
        before=before,
        body=summary + rest,
        settings=page.settings,
        explorer=explorer,
        glue=(files("reports") / "templates" / "page.js").read_text(encoding="utf-8"),
    )


def _environment(**options: Any) -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )


def _grouped(tokens: Sequence[Token]) -> list[Token]:
    """Wrap what follows a heading: `section` at level 2, `figure` at 3; and tables, to scroll."""
    from markdown_it.token import Token

    def wrap(tag: str, nesting: Literal[-1, 1], **attributes: str) -> Token:
        return Token(f"{tag}_wrap", tag, nesting, attrs=dict(attributes), block=True)

    grouped: list[Token] = []
    opened: list[str] = []
    for at, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h2", "h3"):
            while opened and (token.tag == "h2" or opened[-1] == "figure"):
                grouped.append(wrap(opened.pop(), -1))
            name = "-".join(tokens[at + 1].content.lower().split())
            opened.append("section" if token.tag == "h2" else "figure")
            grouped.append(wrap(opened[-1], 1, **({"id": name} if token.tag == "h2" else {})))
        scrolled = {"class": "scrolled", "tabindex": "0", "role": "region", "aria-label": "table"}
        grouped += [wrap("div", 1, **scrolled)] if token.type == "table_open" else []
        grouped.append(token)
        grouped += [wrap("div", -1)] if token.type == "table_close" else []
    return grouped + [wrap(tag, -1) for tag in reversed(opened)]


# ------------------------------------------------------------------------------------- contents


def settings(experiment: Mapping[str, Any]) -> str:
    """Return the beginning of experiment.yaml, which a page need not hold whole."""
    left = [MOST_SETTINGS]
    given = _beginning(experiment, left)
    shown = printable_lines(yaml.safe_dump(given, sort_keys=False, allow_unicode=True))
    return shown if left[0] > 0 else f"{shown}… (the rest is in experiment.yaml)\n"


def _beginning(value: Any, left: list[int]) -> Any:
    """Copy as many nested values as are left, and count them down."""
    left[0] -= 1
    if isinstance(value, Mapping):
        return {key: _beginning(each, left) for key, each in value.items() if left[0] > 0}
    if isinstance(value, list):
        return [_beginning(each, left) for each in value if left[0] > 0]
    return value[:LONGEST] if isinstance(value, str) else value


def facts(experiment: Mapping[str, Any]) -> dict[str, str]:
    """Return machine, versions, commit and the other facts that fit on a line each."""
    found = {}
    for name, value in list(experiment.items())[:MOST_FACTS]:
        if isinstance(value, dict):
            flat = {key: one for key, one in value.items() if not isinstance(one, dict | list)}
            if len(flat) < len(value):
                continue  # a configuration: it is printed whole at the end of the page
            # What is longer than a line, such as the flags of a processor, is there as well.
            value = ", ".join(_fact(key, one) for key, one in flat.items() if len(str(one)) < 100)
        elif isinstance(value, list):
            value = " ".join(map(str, value)) or None
        found[printable(name).replace("_", " ")] = printable(NONE if value is None else value, 300)
    return found


def _fact(name: object, value: object) -> str:
    if str(name).endswith("_bytes") and isinstance(value, int):
        return f"{str(name).removesuffix('_bytes')} {value / 2**30:.1f} GiB"
    if isinstance(value, float):
        return f"{name} {value:.3g}"
    return f"{name} {NONE if value is None else value}"


def failed_runs(runs: pd.DataFrame) -> list[dict[str, str]]:
    """Return run_id, status, log and the first line of the message of each run that failed."""
    return [
        {
            "run_id": printable(run["run_id"], 200),
            "status": printable(run["status"]),
            "message": printable(next(iter(run["message"].strip().splitlines()), ""), 300),
            "log": printable(run["log_path"], 200),
        }
        for run in runs[runs["status"] != COMPLETED].to_dict("records")
    ]
