"""The version of the code changes with what can change a result, and with nothing else."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bench.fidelity.study import ENTRANCE
from bench.machine import code_version as module
from bench.machine.code_version import MEASUREMENT, code_version

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


# ------------------------------------------------------------------------ edits of the suite itself

ROOT = Path(module.__file__).parents[2]
PRINT = """
from bench.machine.code_version import MEASUREMENT, code_version
jfb = type("Any", (), {"__module__": "methods.jfb"})
print(*(code_version([jfb], each) for each in (MEASUREMENT, "bench.fidelity.trained_weights")))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the suite, to be edited."""
    for package in module.SUITE:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path


def versions_of_jfb(copy: Path) -> list[str]:
    """Of its runs, and of its gradients."""
    command = [sys.executable, "-B", "-c", PRINT]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=True)
    return done.stdout.split()


def replace_in(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_copy_has_the_same_version(copy: Path) -> None:
    from methods.jfb import JacobianFreeBackpropagation

    here = [code_version([JacobianFreeBackpropagation], each) for each in (MEASUREMENT, ENTRANCE)]
    assert versions_of_jfb(copy) == here
    assert len(set(here)) == 2


WITHOUT_EFFECT = {
    "a constant that names folders": ("bench/experiment/files.py", '"superseded"', '"replaced"'),
    "the commit": ("bench/machine/description.py", '"rev-parse", "HEAD"', '"rev-parse", "HEAD~0"'),
    "the version of the suite": ("bench/__init__.py", "__version__ =", "__version__ = '9' +"),
    "the range of a setting": (
        "bench/config/settings.py",
        "parameter(300, at_least=1)",
        "parameter(300, at_least=2)",
    ),
    "an import": (
        "bench/measurement/training.py",
        "import math\n",
        "import math\nimport shutil\n",
    ),
    "an import of a name": (
        "bench/measurement/training.py",
        "from itertools import islice\n",
        "from itertools import chain, islice\n",
    ),
    "what type checkers read": (
        "bench/measurement/checkpoint.py",
        "if TYPE_CHECKING:\n",
        "if TYPE_CHECKING:\n    Anything = object\n    import bench.experiment.grid\n",
    ),
    "a docstring of a module": (
        "bench/measurement/training.py",
        '"""The training loop:',
        '"""Another loop:',
    ),
    "a docstring of a function": (
        "bench/measurement/training.py",
        '"""Endless batches',
        '"""Batches',
    ),
    "a docstring of a class": ("methods/jfb.py", '"""JFB: the', '"""The'),
    "a comment": ("bench/measurement/training.py", "# of the mean", "# of the average"),
    "another method": ("methods/phantom.py", 'FORMS = ("unrolling"', 'FORMS = ("unrolled"'),
}


@pytest.mark.parametrize("edit", WITHOUT_EFFECT)
def test_edits_that_cannot_change_a_number_keep_the_version(edit: str, copy: Path) -> None:
    before = versions_of_jfb(copy)
    file, old, new = WITHOUT_EFFECT[edit]
    replace_in(copy / file, old, new)
    assert versions_of_jfb(copy) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bench.measurement.failure", "bench.measurement.failures"),
        ("bench.measurement.clock", "bench.timing.clock"),
        ("methods.solvers.iterate", "methods.iterate"),
    ],
)
def test_moving_a_module_keeps_the_version(old: str, new: str, copy: Path) -> None:
    before = versions_of_jfb(copy)
    source, target = (copy / f"{name.replace('.', '/')}.py" for name in (old, new))
    target.parent.mkdir(exist_ok=True)
    (target.parent / "__init__.py").touch()
    source.rename(target)
    for file in copy.rglob("*.py"):
        file.write_text(re.sub(rf"\b{re.escape(old)}\b", new, file.read_text()))
    assert versions_of_jfb(copy) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("bench/measurement/training.py", "LOSS_FLOOR = 1e-7", "LOSS_FLOOR = 1e-6"),
        ("bench/measurement/training.py", "errors.mean()", "errors.sum()"),
        ("bench/measurement/evaluation.py", "max_pixel=1", "max_pixel=2"),
        ("bench/measurement/run.py", "(5, 10, 20)", "(5, 10)"),
        ("methods/solvers/anderson.py", "def ", "def _"),
        ("methods/jfb.py", "return ", "return 1 * "),
        ("problems/data.py", "return ", "return 1 and "),
    ],
)
def test_edits_of_what_is_computed_change_the_version(
    file: str, old: str, new: str, copy: Path
) -> None:
    before = versions_of_jfb(copy)
    replace_in(copy / file, old, new)
    assert versions_of_jfb(copy)[0] != before[0]


def test_what_is_not_for_type_checkers_counts(version_after: Edit) -> None:
    both = "if TYPE_CHECKING:\n    value = 0\nelse:\n    value = 1\n"
    before = version_after("deeper.py", "value = 1  # a comment\n", both)
    assert version_after("deeper.py", "value = 0", "value = 5") == before
    assert version_after("deeper.py", "value = 1", "value = 2") != before


def test_the_supervisor_imports_no_torch() -> None:
    modules = "bench.execution.supervisor, bench.execution.launcher, bench.experiment.state"
    script = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"
