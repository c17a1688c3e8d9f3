"""The version of the code that makes a run: a hash that changes when the run could come out other.

It covers what the worker imports, and the files of the method, layer, problem and image source,
with all that they import of this suite or of the plug-in's own package. Comments, layout and
docstrings do not count; code that only reads, shows or schedules is not part of it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

ENTRANCE = "bench.measurement.run"  # what every run executes
SUITE = ("bench", "methods", "problems")
# They name, write and refuse things; no number of a run depends on them.
WITHOUT_EFFECT = (
    "bench.experiment.claims",
    "bench.errors",
    "bench.records",
    "bench.registry",
    "bench.execution.worker",
)


@dataclass(frozen=True)
class _Module:
    digest: str
    imports: frozenset[str]  # dotted names; some are of functions or classes


def code_version(classes: Iterable[type[Any]]) -> str:
    """12 hexadecimal digits for runs of these registered classes.

    Of a plug-in that is a single file only that file is read, of one in a package all that it
    imports from there.
    """
    return _version_of(frozenset(cls.__module__ for cls in classes))


@cache
def _version_of(modules: frozenset[str]) -> str:
    found = _closure({ENTRANCE, *modules})
    lines = sorted(f"{name} {module.digest}" for name, module in found.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _closure(names: set[str]) -> dict[str, _Module]:
    """Every module that is reached from `names`, by name."""
    roots = {*SUITE, *(name.split(".")[0] for name in names)}
    found: dict[str, _Module] = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in found or name.split(".")[0] not in roots or _without_effect(name):
            continue
        path = _file_of(name)
        if path is None:
            continue
        found[name] = _read(name, path)
        waiting += found[name].imports
    return found


def _without_effect(name: str) -> bool:
    return any(name == leaf or name.startswith(f"{leaf}.") for leaf in WITHOUT_EFFECT)


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
    candidates = (Path(each, *inside) for each in spec.submodule_search_locations or ())
    files = (
        file for each in candidates for file in (each.with_suffix(".py"), each / "__init__.py")
    )
    return next((file for file in files if file.is_file()), None)


@cache
def _read(name: str, path: Path) -> _Module:
    source = path.read_bytes()
    try:
        tree = ast.parse(source)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imports = frozenset(_prepared(tree.body, package))
        return _Module(_digest(compile(tree, "", "exec", dont_inherit=True)), imports)
    except (SyntaxError, ValueError):  # changed on disk since it was imported, and broken there
        return _Module(hashlib.sha256(source).hexdigest(), frozenset())


def _prepared(body: list[ast.stmt], package: str) -> Iterator[str]:
    """The names that the statements import, at any depth; their docstrings are blanked."""
    match body:
        case [ast.Expr(ast.Constant(str()) as docstring), *_]:
            docstring.value = ""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        for part in _bodies(node):
            yield from _prepared(part, package)


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements inside a statement."""
    yield from (getattr(node, name, []) for name in ("body", "orelse", "finalbody"))
    for inner in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
        yield inner.body


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    above = parents[: len(parents) - (node.level - 1)]
    return ".".join([*above, *([node.module] if node.module else [])])


def _digest(code: CodeType) -> str:
    """A hash of compiled code without its line numbers."""
    digest = hashlib.sha256(code.co_code + code.co_exceptiontable)
    for part in (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars):
        digest.update(repr(part).encode())
    digest.update(repr((code.co_argcount, code.co_kwonlyargcount, code.co_flags)).encode())
    digest.update("".join(map(_constant, code.co_consts)).encode())
    return digest.hexdigest()


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return _digest(value)
    if isinstance(value, frozenset):  # in another order in every process
        return f"set{sorted(map(repr, value))}"
    return repr(value)
