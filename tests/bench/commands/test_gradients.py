"""`bench gradients` from its command line to its report."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench import load_results
from bench.cli import run_command_line
from tests.support.tiny_runs import TINY

SMALL = ["--sizes", "16", "--device", "cpu", "--tolerances", "1e-1,1e-2", *TINY]
SMALL += ["train.batch_size=2", "network.guide_features=2"]


def run(*arguments: object) -> int:
    return run_command_line(["gradients", *map(str, arguments)])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))


def test_from_the_command_to_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["--methods", "jfb,ift[max_iterations=3]", "--out", out, *SMALL]
    assert run(*command) == 0
    said = capsys.readouterr()
    assert "problem motion, size 16, layer degrad" in said.out
    assert str(out / "report") in said.out
    assert "[4/4] motion 16 degrad ift[max_iterations=3] seed 0 trained: cosine" in said.err
    assert len(load_results(out).gradients) == 2 * 2 * 2
    for name in ("gradient_error", "gradient_tolerance", "gradient_memory"):
        assert list((out / "report" / "figures").glob(f"{name}-*.png"))
    assert run(*command) == 0  # the same again: everything is kept
    assert capsys.readouterr().err.count("(from an earlier command)") == 4
    assert run(*command, "train.steps=1") == 2
    assert "belongs to another experiment" in capsys.readouterr().err


OF_NETWORKS = ["network", "problem_params", "layer_params", "network_params"]


@pytest.mark.parametrize("later", [OF_NETWORKS, [*OF_NETWORKS, "code_version", "library_versions"]])
def test_measurements_of_earlier_versions_are_read_and_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], later: list[str]
) -> None:
    out = tmp_path / "out"
    command = ["--methods", "jfb", "--states", "initial", "--out", out, *SMALL]
    assert run(*command) == 0
    path = out / "gradients.csv"
    older = pd.read_csv(path).drop(columns=later)
    older.to_csv(path, index=False, lineterminator="\n")
    loaded = load_results(out)
    assert loaded.damaged == []
    assert len(loaded.gradients) == 2
    capsys.readouterr()
    assert run(*command) == 0
    assert "(from an earlier command)" not in capsys.readouterr().err
    again = load_results(out).gradients
    assert len(again) == 2
    assert again["code_version"].str.fullmatch("[0-9a-f]{12}").all()
    assert again["library_versions"].str.contains("torch").all()


def test_layers_are_compared(tmp_path: Path) -> None:
    out = tmp_path / "out"
    one = ["--methods", "jfb", "--states", "initial", "--out", out, *SMALL]
    assert run("--layer", "degrad,deprox", *one, "--tolerances", "1e-2") == 0
    assert set(load_results(out).gradients["layer"]) == {"degrad", "deprox"}


def test_a_failed_measurement_is_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no reference")

    monkeypatch.setattr("bench.fidelity.study.reference_gradient", fail)
    out = tmp_path / "out"
    assert run("--methods", "jfb", "--states", "initial", "--out", out, *SMALL) == 1
    said = capsys.readouterr()
    assert "2 measurements failed" in said.err
    assert "RuntimeError: no reference" in (out / "report" / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tolerances", "1e-3,tight"], "--tolerances: '1e-3,tight' is not a list of numbers"),
        (["--tolerances", "0"], "not a list of numbers greater than 0"),
        (["--tolerances", "nan"], "not a list of numbers greater than 0"),
        (["--tolerances", ","], "not a list of numbers greater than 0"),
        (["--states", "trainde"], "unknown state 'trainde': did you mean 'trained'?"),
        (["--states", ""], "give at least one state"),
        (["--layer", "degard"], "unknown layer 'degard': did you mean 'degrad'?"),
        (["--layer", ","], "give at least one layer"),
        (["--layer", "degrad", "layer=deprox"], "conflicts with --layer"),
        (["--methods", "tv"], "method 'tv' has no layer, so there is no gradient to measure"),
        (["--methods", "jbf"], "did you mean 'jfb'?"),
        (["forward.tolerance=1e-3"], "use --tolerances instead"),
        (["problem.size=32"], "use --sizes instead"),
        (["train.stepps=3"], "did you mean 'train.steps'?"),
        (["--tolerence", "1"], "did you mean '--tolerances'?"),
        (["--sizes", "8"], "size 8: must be from 16"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(*arguments, "--device", "cpu", "--out", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.startswith("bench gradients: error: ")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (tmp_path / "out").exists()


def test_help_and_mistakes_do_not_import_torch() -> None:
    code = (
        "import sys; from bench.cli import run_command_line as run;"
        "run(['gradients', '--help']); run(['gradients', '--methods', 'jbf']);"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"--tolerances" in done.stdout
