"""docs/tutorial.ipynb runs, and what it says of its results is so."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"

PROBE = """
import json

print(json.dumps({
    "folder": str(folder),
    "statuses": sorted(set(results.runs["status"])),
    "products": products.to_dict(),
    "described": list(columns.loc[list(table), "unit"]),
    "rivals": at_equal_time["verdict"].to_dict(),
    "error_of_exact": error_of_exact,
    "fidelity": fidelity.to_dict("index"),
    "check": [checked.returncode, checked.stdout.splitlines()[-1]],
    "methods": sorted(set(results.runs["method"])),
    "seeds": compare(results, "two_steps", "jfb").seeds,
}))
"""


@pytest.fixture(scope="module")
def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workplace")


@pytest.fixture(scope="module")
def found(workplace: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the notebook leaves in its variables, executed in a folder of its own."""
    executed = nbformat.read(NOTEBOOK, as_version=4)
    executed.cells.insert(-1, new_code_cell(PROBE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("IMPLICIT_BENCH_CACHE", str(workplace / "cache"))
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        place = {"metadata": {"path": str(workplace)}}
        NotebookClient(executed, timeout=250, kernel_name="python3", resources=place).execute()
    (output,) = executed.cells[-2].outputs
    return json.loads(output.text)


def test_the_first_comparison_has_both_methods_with_units(found: Any) -> None:
    assert found["statuses"] == ["completed"]
    assert found["products"]["ift"] > found["products"]["jfb"]
    assert found["described"][-3:] == ["dB", "s", "products"]


def test_every_gradient_method_is_compared_at_equal_time(found: Any) -> None:
    rivals = {"ift", "neumann", "phantom", "reversible", "shine", "unrolling"}
    assert set(found["rivals"]) == rivals
    assert set(found["rivals"].values()) <= {"better", "worse", "inconclusive"}


def test_the_exact_gradient_is_that_of_finite_differences(found: Any) -> None:
    assert found["error_of_exact"] < 1e-6


def test_more_products_come_closer_to_the_exact_gradient(found: Any) -> None:
    names = ["jfb", "neumann[terms=5]", "neumann[terms=20]"]
    rows = [found["fidelity"][name] for name in names]
    assert [row["products"] for row in rows] == [1, 5, 20]
    errors = [row["relative error"] for row in rows]
    assert errors == sorted(errors, reverse=True)
    assert found["fidelity"]["ift"]["relative error"] < 1e-2


def test_the_method_of_one_s_own_keeps_the_contract_and_runs(found: Any) -> None:
    status, verdict = found["check"]
    assert status == 0
    assert verdict.startswith("two_steps: ok")
    assert found["methods"] == ["ift", "jfb", "two_steps"]
    assert found["seeds"] == 2


def test_nothing_is_left_behind(found: Any, workplace: Path) -> None:
    assert not list(workplace.iterdir())
    assert not Path(found["folder"]).exists()


def test_the_committed_notebook_has_no_outputs(notebook: Any) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
