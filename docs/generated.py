"""The parts of the site that are made from the code: columns, options and API.

A page of `PAGES` is a file with a title and an introduction, and what its function returns.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

from bench.cli import COMMANDS, parsed
from bench.plugins import load_builtins
from bench.records.dictionary import COLUMNS_OF, describe
from bench.registry import CALLBACKS, IMAGES, LAYERS, METHODS, NETWORKS, PROBLEMS, Registry

# Links of the files above this folder, as they are written there and in the site.
LINKS = {
    "](docs/": "](",
    "](results/": "](../results/",
    "](CONTRIBUTING.md)": "](contributing.md)",
    "](CHANGELOG.md)": "](changelog.md)",
    "](CITATION.cff)": "](../CITATION.cff)",
}


def columns() -> Iterator[str]:
    """A table for each table of the records, with the type, unit and meaning of its columns."""
    for table in COLUMNS_OF:
        rows = [
            f"| `{row.column}` | {row.type} | {row.unit} | {escaped(row.meaning)} |"
            for row in describe(table).itertuples()
        ]
        head = ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        yield "\n".join([f"## {table}\n", *head, *rows])


def command_line() -> Iterator[str]:
    """The help of each command."""
    for name in COMMANDS:
        with redirect_stdout(io.StringIO()) as text, suppress(SystemExit):
            parsed(name, ["--help"])
        yield f"## bench {name}\n\n```text\n{text.getvalue().strip()}\n```"


def registered(*registries: Registry) -> Callable[[], Iterator[str]]:
    """A section for everything that is registered, such as each method."""

    def sections() -> Iterator[str]:
        load_builtins()
        for registry in registries:
            for entry in sorted(registry.entries(), key=lambda entry: entry.name):
                yield f"## {registry.kind}: {entry.name}\n\n{_members(entry.cls.__module__)}"

    return sections


def contract() -> Iterator[str]:
    """A table of the properties that a gradient method is held to."""
    from bench.contracts.properties import PROPERTIES

    rows = [f"| `{one.name}` | {escaped(one.statement)} |" for one in PROPERTIES]
    yield "\n".join(["## Properties\n", "| property | statement |", "| --- | --- |", *rows])


def _members(module: str) -> str:
    lines = [f".. automodule:: {module}", "   :members:", "   :show-inheritance:"]
    return "\n".join(["```{eval-rst}", *lines, "```"])


PAGES: dict[str, Callable[[], Iterable[str]]] = {
    "columns": columns,
    "command-line": command_line,
    "api/methods": registered(METHODS, LAYERS, NETWORKS),
    "api/problems": registered(PROBLEMS, IMAGES),
    "api/callbacks": registered(CALLBACKS),
    "api/contracts": contract,
}


def add_generated(app: Any, docname: str, source: list[str]) -> None:
    """Add what is made from the code to a page that has been read."""
    if docname in PAGES:
        source[0] = "\n\n".join([source[0].strip(), *PAGES[docname]()]) + "\n"


def mend_links(app: Any, path: Path, parent: str, content: list[str]) -> None:
    """Turn the links of an included file to where they lead from this folder."""
    for there, here in LINKS.items():
        content[0] = content[0].replace(there, here)


def as_prose(
    app: Any, kind: str, name: str, documented: Any, options: Any, lines: list[str]
) -> None:
    """Escape what is markup to Sphinx in a docstring, |z - x| and z*; keep `code`, link pages."""
    text = escaped("\n".join(lines))
    lines[:] = re.sub(r"\bdocs/([\w-]+)\.md\b", r":doc:`/\1`", text).split("\n")


def escaped(text: str) -> str:
    """Keep |z - x| and z* from being markup, in Markdown and in Sphinx's own, but not `code`."""
    return re.sub(r"(`[^`]*`)|([|*_\\])", lambda part: part[1] or f"\\{part[2]}", text)


def plain_signature(
    app: Any,
    kind: str,
    name: str,
    documented: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Write Tensor where autodoc has its own name for an alias, and … for a default made anew."""
    written = [
        text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text).replace("<factory>", "...")
        for text in (signature, returns)
    ]
    return written[0], written[1]


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", add_generated)
    app.connect("include-read", mend_links)
    app.connect("autodoc-process-docstring", as_prose)
    app.connect("autodoc-process-signature", plain_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
