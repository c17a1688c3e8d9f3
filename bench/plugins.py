"""Loading of what registers classes: built-in files, installed distributions, plug-ins.

A distribution announces its modules as entry points; a plug-in is a Python file or a module that is
named on the command line.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.errors import UserError, named_line
from bench.registry import registering

BUILTIN_PACKAGES = (
    *("methods", "methods.layers", "methods.networks"),
    *("problems", "problems.images"),
    "bench.callbacks",
)
ENTRY_POINT_GROUPS = (
    "implicit_bench.methods",
    "implicit_bench.problems",
    "implicit_bench.layers",
    "implicit_bench.networks",
    "implicit_bench.images",
    "implicit_bench.callbacks",
)

_loaded_plugins: list[str] = []


def load_all(plugins: Iterable[str] = ()) -> list[str]:
    """Register the built-ins, installed entry points and `plugins`; returns warnings.

    UserError, when all are loaded, that names each plug-in which failed.
    """
    load_builtins()
    warnings = load_entry_points()
    failures = []
    for plugin in plugins:
        try:
            load_plugin(plugin)
        except UserError as error:
            failures.append(str(error))
    if failures:
        raise UserError("; ".join(failures))
    return warnings


def load_builtins() -> None:
    """Import every module of the built-in packages whose name does not begin with "_"."""
    for package_name in BUILTIN_PACKAGES:
        package = importlib.import_module(package_name)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg and not module.name.startswith("_"):
                importlib.import_module(f"{package_name}.{module.name}")


def load_entry_points() -> list[str]:
    """Load what installed distributions announce; one that fails becomes a returned warning."""
    warnings = []
    for group in ENTRY_POINT_GROUPS:
        for entry_point in importlib.metadata.entry_points(group=group):
            owner = entry_point.dist.name if entry_point.dist else entry_point.value
            try:
                with registering(owner):
                    entry_point.load()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a module may be a script that exits
                warnings.append(f"{owner}: {entry_point.value} was skipped: {named_line(error)}")
    return warnings


def load_plugin(file_or_module: str) -> None:
    """Register what a Python file or an importable module defines; UserError if it fails."""
    try:
        with registering(file_or_module):
            _import_plugin(file_or_module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plug-in may be a script that calls sys.exit
        raise UserError(f"plug-in {file_or_module!r}: {named_line(error)}") from error
    if file_or_module not in _loaded_plugins:
        _loaded_plugins.append(file_or_module)


def loaded_plugins() -> tuple[str, ...]:
    """The plug-ins loaded so far, as given: a run's own process has to load them again."""
    return tuple(_loaded_plugins)


def _import_plugin(file_or_module: str) -> None:
    if file_or_module.endswith(".py") or "/" in file_or_module:
        _import_file(Path(file_or_module).resolve())
    else:
        importlib.import_module(file_or_module)


def _import_file(path: Path) -> None:
    if not path.is_file():
        raise UserError("no such file")
    # The name holds the whole path, so that two plug-ins of the same file name do not collide.
    name = f"bench_plugin_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while they are being made
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
