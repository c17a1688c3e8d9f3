"""The version of the code changes with what can change a result, and with nothing else."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bench.machine import code_version as module
from bench.machine.code_version import code_version

PACKAGE = {
    "__init__.py": "",
    "method.py": """\
'A method.'
from plugin_for_versions import helper
class Method:
    x = 1
""",
    "helper.py": "from .deeper import value\n",
    "deeper.py": "value = 1  # a comment\n",
    "unused.py": "other = 1\n",
}
Edit = Callable[[str, str, str], str]


def forget() -> None:
    for cached in (module._version_of, module._file_of, module._read):
        cached.cache_clear()


@pytest.fixture
def version_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Edit a file of a plug-in's package; the version before is under the name ""."""
    package = tmp_path / "plugin_for_versions"
    package.mkdir()
    for name, text in PACKAGE.items():
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    loaded: ModuleType = importlib.import_module("plugin_for_versions.method")

    def edited(file: str, old: str, new: str) -> str:
        path = package / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        forget()
        return code_version([loaded.Method])

    yield edited
    for name in [name for name in sys.modules if name.startswith("plugin_for_versions")]:
        del sys.modules[name]
    forget()


def test_code_that_is_reached_counts_and_other_code_does_not(version_after: Edit) -> None:
    before = version_after("method.py", "x = 1", "x = 1")
    assert len(before) == 12
    assert version_after("unused.py", "1", "2") == before
    assert version_after("deeper.py", "a comment", "another") == before
    assert version_after("method.py", "A method.", "Another docstring.") == before
    assert version_after("method.py", "    x = 1", "    x = (\n        1\n    )") == before
    deeper = version_after("deeper.py", "value = 1", "value = 2")
    assert deeper != before
    assert version_after("method.py", "1", "3") not in (before, deeper)
    assert version_after("method.py", "3", "1") == deeper


def test_a_file_broken_since_it_was_imported_is_another_version(version_after: Edit) -> None:
    before = version_after("deeper.py", "1", "1")
    assert version_after("deeper.py", "value =", "value = = =") != before


def test_the_versions_of_built_ins_cover_the_trainer_and_tell_methods_apart() -> None:
    from methods.ift import ImplicitFunctionTheorem
    from methods.jfb import JacobianFreeBackpropagation

    jfb, ift = (
        code_version([each]) for each in (JacobianFreeBackpropagation, ImplicitFunctionTheorem)
    )
    assert jfb != ift
    found = module._closure({"bench.measurement.run", "methods.ift"})
    for name in (
        "bench.measurement.training",
        "bench.measurement.clock",
        "methods.solvers.krylov",
        "problems.data",
    ):
        assert name in found
    for name in (
        "bench.cli",
        "bench.records.writing",
        "bench.execution.grid_runner",
        "reports.report",
    ):
        assert name not in found


def test_the_supervisor_imports_no_torch() -> None:
    modules = "bench.execution.supervisor, bench.execution.launcher, bench.experiment.state"
    script = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"
