"""The page of a report, as HTML and as Markdown, from the same content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from bench.records import COMPLETED, Results
from reports.tables.gradients import FILES as GRADIENT_TABLES
from reports.data.labels import printable
from reports.sections import Section
from reports.format import TEXT_COLUMNS, escape_markdown
from reports.format import markdown as markdown_table

if TYPE_CHECKING:  # it brings matplotlib, which only drawing needs
    from reports.figures.draw import Drawn

RECORDS = ("runs.csv", "curves.csv")
LONGEST = 1000  # characters of a sentence of ours
MOST_SETTINGS = 5000  # values of a configuration, of the some sixty that a run has
MOST_FACTS = 60
HOW_TO_READ = (
    "A row of the table is a method; its numbers are means over the seeds that completed, ± one "
    "standard deviation. Failed runs are counted in the status and named below.",
    "Gain is the PSNR above the observed (blurred, noisy) image.",
    "Train counts data, forward, backward and optimiser; never evaluation, start-up or writing. "
    "Prepare is what a method pays once before its first image: tuning a weight, training a "
    "denoiser.",
    "Time to target is the median over seeds of the first evaluation at or above the target. "
    "`>` means that the median seed did not get there: the time is a lower bound.",
    "Memory is the peak of a pass of its own that is not timed.",
    "Converged is the fraction of forward solves that met their tolerance, of the worst seed. "
    "`!` flags a PSNR at a fixed point that fewer than 95 % converged to.",
)


HOW_TO_READ_GRADIENTS = (
    "The measurements compare dℓ/dθ of one batch with a reference in double precision at the same "
    "weights; a row is a method as it is by default, its numbers are medians over seeds.",
    "Norm ratio is the length of the gradient over that of the reference. Evaluations are "
    "applications of T, VJPs products of a vector with its Jacobian.",
    "Least error is the smallest over the budgets (steps, terms, iterations) that the method was "
    "swept over, and the budget that gave it; gradients.csv has every budget and tolerance.",
)


@dataclass(frozen=True)
class GradientSection:
    """What a report says of measured gradients: the table as text, figures and failures."""

    table: pd.DataFrame
    said: str
    notes: list[str]
    figures: list[Drawn]
    failed: list[str]


@dataclass(frozen=True)
class Page:
    """What a report says, before it takes a form."""

    title: str
    facts: dict[str, str]
    sections: list[Section]
    failed: list[dict[str, str]]
    damaged: list[str]
    settings: str
    gradients: GradientSection | None

    @property
    def has_runs(self) -> bool:
        """Whether to speak of runs: always, unless gradients alone were measured."""
        return self.gradients is None or bool(self.sections)

    @property
    def how_to_read(self) -> tuple[str, ...]:
        """A line for each thing that a reader has to know."""
        runs = HOW_TO_READ if self.has_runs else ()
        return runs + (HOW_TO_READ_GRADIENTS if self.gradients else ())


def compose_page(
    results: Results, sections: list[Section], gradients: GradientSection | None = None
) -> Page:
    """Gather what the page says; every text in it is one printable line, not yet escaped."""
    return Page(
        title=printable(results.path.resolve().name),
        facts=facts(results.experiment),
        sections=[section for section in sections if not section.is_empty],
        failed=failed_runs(results.runs),
        damaged=[printable(message, 400) for message in results.damaged],
        settings=settings(results.experiment),
        gradients=gradients,
    )


def settings(experiment: Mapping[str, Any]) -> str:
    """Return the beginning of experiment.yaml, which a page need not hold whole."""
    left = [MOST_SETTINGS]
    shown = yaml.safe_dump(_beginning(experiment, left), sort_keys=False, allow_unicode=True)
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
    said = {}
    for name, value in list(experiment.items())[:MOST_FACTS]:
        if isinstance(value, dict):
            flat = {key: one for key, one in value.items() if not isinstance(one, dict | list)}
            if len(flat) < len(value):
                continue  # a configuration: it is printed whole at the end of the page
            value = ", ".join(_fact(key, one) for key, one in flat.items())
        elif isinstance(value, list):
            value = " ".join(map(str, value)) or None
        said[printable(name).replace("_", " ")] = printable("—" if value is None else value, 300)
    return said


def _fact(name: object, value: object) -> str:
    if str(name).endswith("_bytes") and isinstance(value, int):
        return f"{str(name).removesuffix('_bytes')} {value / 2**30:.1f} GiB"
    if isinstance(value, float):
        return f"{name} {value:.3g}"
    return f"{name} {'—' if value is None else value}"


def failed_runs(runs: pd.DataFrame) -> list[dict[str, str]]:
    """Return run_id, status and the first line of the message of each run that failed."""
    return [
        {
            "run_id": printable(run["run_id"], 200),
            "status": printable(run["status"]),
            "message": printable(next(iter(run["message"].strip().splitlines()), ""), 300),
            "log": printable(run["log_path"], 200),
        }
        for run in runs[runs["status"] != COMPLETED].to_dict("records")
    ]


def html(page: Page) -> str:
    """Return the page as HTML; jinja2 escapes every name and message in it."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html.j2")
    return template.render(
        page=page, records=RECORDS, gradient_tables=GRADIENT_TABLES, left=TEXT_COLUMNS
    )


def markdown(page: Page) -> str:
    """Return the page as Markdown."""
    sections = [
        f"# {escape_markdown(page.title)}",
        _bullets(f"{escape_markdown(k)}: {escape_markdown(v)}" for k, v in page.facts.items()),
        *_problems(page),
        *(part for section in page.sections for part in _section(section)),
        _links(RECORDS) if page.has_runs else "",
        *(_gradients(page.gradients) if page.gradients else []),
        "## How to read it\n\n" + _bullets(page.how_to_read),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _section(section: Section) -> list[str]:
    parts = [f"## {section.title}", escape_markdown(section.said, LONGEST)]
    for table in section.tables:
        parts += [escape_markdown(table.said, LONGEST), markdown_table(table.cells)]
        parts.append(_links((f"{table.stem}.csv", f"{table.stem}.md")))
    notes = "\n\n".join(escape_markdown(note, LONGEST) for note in section.notes)
    return [*parts, notes, *(_figure(figure) for figure in section.figures)]


def _gradients(section: GradientSection) -> list[str]:
    table = markdown_table(section.table)
    failed = _bullets(escape_markdown(line, 400) for line in section.failed)
    return [
        f"## Gradients\n\n{escape_markdown(section.said)}\n\n{table}",
        "\n\n".join(escape_markdown(note) for note in section.notes),
        _links(GRADIENT_TABLES),
        f"### Failed measurements\n\n{failed}" if section.failed else "",
        *(_figure(figure) for figure in section.figures),
    ]


def _links(names: tuple[str, ...]) -> str:
    return "Tables: " + ", ".join(f"[{name}]({name})" for name in names)


def _problems(page: Page) -> list[str]:
    sections = []
    if page.damaged:
        damaged = _bullets(escape_markdown(message, 400) for message in page.damaged)
        sections.append(f"## Damaged records\n\nNot in any table or figure.\n\n{damaged}")
    if page.failed:
        lines = (
            f"{escape_markdown(run['run_id'])}: {escape_markdown(run['status'])}. "
            f"{escape_markdown(run['message'])}"
            for run in page.failed
        )
        sections.append(f"## Failed runs\n\n{_bullets(lines)}")
    return sections


def _figure(figure: Drawn) -> str:
    file = f"figures/{figure.stem}"
    title = f"{figure.title}: {escape_markdown(figure.place)}"
    return f"### {title}\n\n![{title}]({file}.png)\n\n{figure.explanation} ([PDF]({file}.pdf))"


def _bullets(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)
