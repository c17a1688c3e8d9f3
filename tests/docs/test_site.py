"""The site has every page, every link leads somewhere, and what is generated is complete."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from bench.cli import COMMANDS
from bench.plugins import load_builtins
from bench.records.dictionary import COLUMNS_OF
from bench.registry import REGISTRIES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*") if path.suffix in (".md", ".ipynb"))
INCLUDED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}


@pytest.fixture(scope="module")
def generated() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "generated.py"))


def relative_links(text: str) -> list[str]:
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link.partition("#")[0] for link in links if not re.match(r"https?:|#", link)]


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (DOCS / "index.md").read_text()
    trees = re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL)
    listed = [line for tree in trees for line in tree.splitlines() if line and line[0] != ":"]
    names = [str(path.relative_to(DOCS).with_suffix("")) for path in PAGES]
    assert sorted(listed) == sorted(set(names) - {"index"})


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    broken = [
        link for link in relative_links(page.read_text()) if not (page.parent / link).exists()
    ]
    assert not broken


@pytest.mark.parametrize("name", INCLUDED)
def test_links_of_an_included_file_lead_to_files_from_here_and_there(
    name: str, generated: dict[str, Any]
) -> None:
    text = (ROOT / name).read_text()
    content = [text]
    generated["mend_links"](None, Path(name), INCLUDED[name], content)
    assert all((ROOT / link).exists() for link in relative_links(text))
    assert all((DOCS / link).exists() for link in relative_links(content[0]))


def test_every_column_has_a_row(generated: dict[str, Any]) -> None:
    sections = dict(zip(COLUMNS_OF, generated["columns"](), strict=True))
    for table, section in sections.items():
        assert section.startswith(f"## {table}\n")
        for column in COLUMNS_OF[table]:
            assert f"\n| `{column}` | " in section


def test_every_command_has_its_help(generated: dict[str, Any]) -> None:
    for name, section in zip(COMMANDS, generated["command_line"](), strict=True):
        assert section.startswith(f"## bench {name}\n")
        assert f"usage: python -m bench {name}" in section


def test_everything_registered_has_its_section(generated: dict[str, Any]) -> None:
    load_builtins()
    pages = generated["PAGES"]
    names = ("api/methods", "api/problems", "api/callbacks")
    text = "\n".join(line for name in names for line in pages[name]())
    for registry in REGISTRIES:
        for entry in registry.entries():
            if entry.source == "built-in":
                assert f"## {registry.kind}: {entry.name}\n" in text
                assert f"automodule:: {entry.cls.__module__}\n" in text


def test_docstrings_are_prose_to_sphinx(generated: dict[str, Any]) -> None:
    lines = ["½ |z - x|² at z*, `a|b_`", "see docs/gradients.md"]
    generated["as_prose"](None, "class", "", None, None, lines)
    assert lines == [r"½ \|z - x\|² at z\*, `a|b_`", "see :doc:`/gradients`"]


def test_signatures_name_types_as_the_code_does(generated: dict[str, Any]) -> None:
    signature = "(z: TypeAliasForwardRef('Tensor') | None, rows: list = <factory>)"
    mended = generated["plain_signature"](None, "class", "", None, None, signature, None)
    assert mended == ("(z: Tensor | None, rows: list = ...)", None)
