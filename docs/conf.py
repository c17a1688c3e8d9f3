"""The documentation site: make docs. Pages on columns, commands and the API are made here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import bench  # noqa: E402
from bench.cli import COMMANDS  # noqa: E402
from bench.records import Results  # noqa: E402

project, author, copyright = "implicit-bench", "implicit-bench contributors", "MIT licence"
version = release = bench.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc"]
html_theme, html_title = "furo", "implicit-bench"
exclude_patterns = ["findings.py"]
myst_enable_extensions, myst_heading_anchors = ["dollarmath"], 3
nb_execution_mode, nb_execution_timeout, nb_execution_raise_on_error = "force", 300, True
autodoc_typehints, autodoc_member_order = "signature", "bysource"
GENERATED = HERE / "generated"
GATHERED = ("bench", "bench.records")  # whose public names are those of other modules
API = {
    "bench": "What `import bench` offers.",
    "bench.records": "Records and their tables.",
    "bench.config.parameters": "Parameters of plug-ins.",
    "methods.base": "What a method is.",
    "methods.layers.base": "What a layer is.",
    "methods.networks.base": "What a network is.",
    "methods.solvers.forward": "The shared forward solver.",
    "methods.solvers.adjoint": "Solvers of the adjoint system.",
    "problems.base": "What a problem is.",
    "problems.images.base": "What a source of images is.",
    "reports.report": "Reports.",
    "reports.plot": "Figures.",
}


def columns() -> str:
    """The data dictionary, a section for each table of the records."""
    described = Results.describe()
    parts = ["# Columns of the records\n\nAs `results.describe()` returns them.\n"]
    for table, rows in described.groupby("table", sort=False):
        parts.append(f"## {table}\n\n| column | type | unit | meaning |\n|---|---|---|---|")
        cells = rows[["column", "type", "unit", "meaning"]].itertuples(index=False)
        parts += ["| `{}` | {} | {} | {} |".format(*row) for row in cells]
        parts.append("")
    return "\n".join(parts)


def commands() -> str:
    """What --help prints, of every command."""
    parts = ["# The command line\n"]
    for command in ("", *COMMANDS):
        shown = subprocess.run(
            [sys.executable, "-m", "bench", *command.split(), "--help"],
            cwd=HERE.parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        title = f"bench {command}".strip()
        parts.append(f"## `{title}`\n\n```text\n{shown.strip()}\n```\n")
    return "\n".join(parts)


def api() -> str:
    """The public modules, from their docstrings."""
    parts = ["# Python\n"]
    for module, summary in API.items():
        options = (
            ":members:\n:imported-members:" if module in ("bench", "bench.records") else ":members:"
        )
        parts.append(f"## `{module}`\n\n{summary}\n\n```{{eval-rst}}\n.. automodule:: {module}\n")
        parts.append("".join(f"   {line}\n" for line in options.splitlines()) + "```\n")
    return "\n".join(parts)


def generate(_: Any) -> None:
    """Write the pages that are made from the code."""
    GENERATED.mkdir(exist_ok=True)
    for make in (columns, commands, api):
        (GENERATED / f"{make.__name__}.md").write_text(make(), encoding="utf-8")


def setup(app: Any) -> None:
    """Let Sphinx have the generated pages before it reads the folder."""
    app.connect("builder-inited", generate)
