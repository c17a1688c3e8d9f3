"""The version of the code that makes a result: a hash that changes when the result could change.

It covers the modules that are named and all that these import, of this suite or of a plug-in's own
package. Comments, layout, docstrings, import statements and the names of modules do not count, so
that moving a file keeps the version; code that only names, writes or refuses things is left out.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MEASUREMENT = "bench.measurement.run"  # what every run executes
SUITE = ("bench", "methods", "problems")
# No number of a run depends on them; the values of settings are part of a run's configuration.
WITHOUT_EFFECT = (
    *("bench.config", "bench.console", "bench.errors", "bench.machine", "bench.plugins"),
    *("bench.records", "bench.registry"),
)


@dataclass(frozen=True)
class _Module:
    digest: str
    imports: frozenset[str]  # dotted names; some are of functions or classes


def code_version(classes: Iterable[type[Any]], entrance: str = MEASUREMENT) -> str:
    """12 hexadecimal digits for what `entrance` (a module) computes with these registered classes.

    Of a plug-in that is a single file only that file is read, of one in a package all that it
    imports from there.
    """
    return _version_of(frozenset([entrance, *(cls.__module__ for cls in classes)]))


@cache
def _version_of(modules: frozenset[str]) -> str:
    digests = sorted(module.digest for module in _closure(set(modules)).values())
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:12]


def _closure(names: set[str]) -> dict[str, _Module]:
    """Every module that is reached from `names`, by name."""
    roots = {*SUITE, *(name.split(".")[0] for name in names)}
    found: dict[str, _Module] = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        without_effect = f"{name}.".startswith(tuple(f"{each}." for each in WITHOUT_EFFECT))
        if name in found or name.split(".")[0] not in roots or without_effect:
            continue
        if path := _file_of(name):
            found[name] = _read(name, path)
            waiting += found[name].imports
    return found


@cache
def _file_of(name: str) -> Path | None:
    """The source file of a module; None for a name that is no module, or has no source.

    Nothing is imported for it: to look a name up in a package would import the package.
    """
    root, *inside = name.split(".")
    try:
        # A plug-in given as a file is under no name that could be searched for.
        module = sys.modules.get(root)
        spec = module.__spec__ if module else importlib.util.find_spec(root)
    except (ImportError, AttributeError, ValueError):
        return None
    if spec is None:
        return None
    if not inside:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        path = Path(folder, *inside)
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


@cache
def _read(name: str, path: Path) -> _Module:
    source = path.read_bytes()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # changed on disk since it was imported, and broken there
        return _Module(hashlib.sha256(source).hexdigest(), frozenset())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    reducer = _Reducer(package)
    digest = hashlib.sha256(ast.dump(reducer.visit(tree)).encode()).hexdigest()
    return _Module(digest, frozenset(reducer.imports))


class _Reducer(ast.NodeTransformer):
    """Takes docstrings, imports and what only type checkers read out of a tree; notes imports."""

    def __init__(self, package: str) -> None:
        self._package = package
        self.imports: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        self.imports.update(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        above = self._package.split(".")
        above = above[: len(above) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        self.imports.update([base, *(f"{base}.{alias.name}" for alias in node.names)])

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.AST]:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return [left for each in node.orelse if (left := self.visit(each))]
        return self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the parts; a docstring, the first statement of a body, is taken out."""
        match getattr(node, "body", None):
            case [ast.Expr(ast.Constant(str())), *rest]:
                node.body = rest  # type: ignore[attr-defined]
        return super().generic_visit(node)
