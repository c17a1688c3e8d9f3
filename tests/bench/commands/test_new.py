"""`bench new`: each kind's file is listed, checked and run as it is; mistakes write nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.commands.actions.new import REGISTRIES
from bench.contracts.verdict import FAILED, check_method
from bench.plugins import load_plugin
from bench.registry import METHODS, PROBLEMS
from tests.support.tiny_runs import TINY

FILE = "--plugin mine_2.py"
RUN = f"{FILE} --out results/mine_2"
KINDS = {
    "method": [f"check mine_2 {FILE}", f"run --methods jfb,mine_2 {RUN}"],
    "layer": [f"check jfb --layer mine_2 {FILE}", f"run --methods jfb,ift --layer mine_2 {RUN}"],
    "network": [f"run --methods jfb,ift --network mine_2 {RUN}"],
    "problem": [f"run --methods jfb,ift --problem mine_2 {RUN}"],
    "images": [f"run --methods jfb,ift images=mine_2 {RUN}"],
    "callback": [f"run --methods jfb,ift --callbacks mine_2 {RUN}"],
}
# Settings of what the plug-in replaces, which it does not have.
REPLACED = {"network": "network.blocks", "problem": "problem.kernel_size"}
QUICK = ["--sizes", "16", "--seeds", "1", "--device", "cpu", "--noise-pairs", "0", "--no-report"]
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command_line(["new", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_every_registry_has_a_scaffold() -> None:
    assert list(REGISTRIES) == list(KINDS)


@every_kind
def test_the_next_commands_are_printed_and_in_the_file(
    here: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    assert run_command_line(["new", kind, "mine_2"]) == 0
    commands = [f"python -m bench {command}" for command in KINDS[kind]]
    expected = ["wrote mine_2.py", "next:", *(f"  {command}" for command in commands)]
    assert capsys.readouterr().out.splitlines() == expected
    header = ast.get_docstring(ast.parse((here / "mine_2.py").read_text()))
    assert header is not None
    shown = [line.strip() for line in header.splitlines()[2:]]
    assert shown == [command.partition(" --out")[0] for command in commands]
    load_plugin("mine_2.py")
    assert REGISTRIES[kind].get("mine_2").__name__ == "Mine2"


@every_kind
def test_what_is_written_runs_as_it_is(here: Path, kind: str) -> None:
    import bench

    assert run_command_line(["new", kind, "mine_2"]) == 0
    tiny = [setting for setting in TINY if setting.split("=")[0] != REPLACED.get(kind)]
    assert run_command_line([*KINDS[kind][-1].split(), *QUICK, *tiny]) == 0
    rows = bench.load_results("results/mine_2").runs
    assert list(rows["status"]) == ["completed"] * 2
    assert (rows["psnr"] > 5).all()


@pytest.mark.parametrize(
    ("kind", "method", "layer"), [("method", "mine_2", "degrad"), ("layer", "jfb", "mine_2")]
)
def test_what_is_written_passes_the_contract(
    here: Path, kind: str, method: str, layer: str
) -> None:
    assert run_command_line(["new", kind, "mine_2"]) == 0
    load_plugin("mine_2.py")
    assert [v for v in check_method(method, [layer]) if v.status == FAILED] == []


def test_the_budget_of_a_written_method_has_values_that_it_accepts(here: Path) -> None:
    assert run_command_line(["new", "method", "mine_2"]) == 0
    load_plugin("mine_2.py")
    cls = METHODS.get("mine_2")
    parameter, values = cls.budget
    assert all(cls(**{parameter: value}) for value in values)


@pytest.mark.soak
def test_a_written_method_passes_the_contract_on_every_layer(here: Path) -> None:
    assert run_command_line(["new", "method", "my_idea"]) == 0
    load_plugin("my_idea.py")
    failed = [v for v in check_method("my_idea") if v.status == FAILED]
    assert failed == []


def test_a_written_layer_contracts_by_its_bound(here: Path) -> None:
    import torch

    from bench.registry import LAYERS
    from methods.layers.data_term import DataTerm

    assert run_command_line(["new", "layer", "mine_2"]) == 0
    load_plugin("mine_2.py")
    layer = LAYERS.get("mine_2")(lipschitz=0.9)
    physics = PROBLEMS.get("gaussian")(size=8, kernel_size=5).physics()
    generator = torch.Generator().manual_seed(0)
    z, y = (torch.rand(1, 1, 8, 8, generator=generator) for _ in range(2))
    w = z + 0.1  # a blur keeps a constant: |AᵀA| is reached here
    for strength in (torch.tensor(1e-3), torch.tensor(10.0)):
        data = DataTerm(physics, y)
        there, here_ = (layer.apply(x, 0.9 * x, data, strength) for x in (z, w))
        bound = layer.contraction_bound(data, strength) * (z - w).norm()
        assert (there - here_).norm() <= bound
        assert bound < (z - w).norm()


def test_written_images_are_drawn_from_the_seed_and_differ_between_parts(here: Path) -> None:
    import numpy as np

    from bench.registry import IMAGES

    assert run_command_line(["new", "images", "mine_2"]) == 0
    load_plugin("mine_2.py")
    source = IMAGES.get("mine_2")()
    train = source.crops("train", 3, 16, 3, 0)
    assert (train.shape, train.dtype) == ((3, 3, 16, 16), np.float32)
    assert 0 <= train.min() < train.max() <= 1
    assert np.array_equal(train, source.crops("train", 3, 16, 3, 0))
    assert not np.array_equal(train, source.crops("train", 3, 16, 3, 1))
    assert not np.array_equal(train, source.crops("test", 3, 16, 3, 0))


def test_a_written_callback_has_written_its_file(here: Path) -> None:
    from bench.callbacks.base import RunInfo
    from bench.registry import CALLBACKS

    assert run_command_line(["new", "callback", "mine_2"]) == 0
    load_plugin("mine_2.py")
    callback = CALLBACKS.get("mine_2")(decimals=1)
    callback.on_start(RunInfo({}, {}, here))
    callback.on_evaluation({"step": 4, "psnr": 31.26})
    callback.on_end({"run_id": "a", "status": "completed", "psnr": 31.26})
    assert (here / "psnr.csv").read_text() == "step,psnr\n4,31.3\n"


@every_kind
def test_what_is_written_is_tidy_and_needs_no_torch_to_be_listed(here: Path, kind: str) -> None:
    assert run_command_line(["new", kind, "mine", "--out", "deep/er"]) == 0
    text = (here / "deep" / "er" / "mine.py").read_text()
    assert "$" not in text
    assert max(map(len, text.splitlines())) <= 100
    cls = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    functions = [node for node in cls.body if isinstance(node, ast.FunctionDef)]
    assert all(ast.get_docstring(node) for node in (cls, *functions))
    listed = kind if kind == "images" else f"{kind}s"
    program = (
        "import sys; from bench.cli import run_command_line;"
        f"status = run_command_line(['list', '{listed}', '--plugin', 'deep/er/mine.py']);"
        "sys.exit(status or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "(from deep/er/mine.py)" in done.stdout


def test_nothing_is_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine.py").write_text("my work")
    assert "already exists" in refusal(capsys, "method", "mine")
    assert (here / "mine.py").read_text() == "my work"


def test_folders_that_cannot_be_made(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "file").touch()
    assert "cannot write file/mine.py" in refusal(capsys, "method", "mine", "--out", "file")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["method", "jfb"], "already registered by built-in"),
        (["layer", "degrad"], "already registered by built-in"),
        (["network", "dncnn"], "already registered by built-in"),
        (["problem", "motion"], "already registered by built-in"),
        (["images", "natural"], "already registered by built-in"),
        (["callback", "tensorboard"], "already registered by built-in"),
        (["method", "all"], "the name is reserved"),
        (["method", "My-Idea"], "starts with a lower-case letter"),
        (["layer", "../mine"], "starts with a lower-case letter"),
        (["methd", "mine"], "did you mean 'method'?"),
        (["netwrk", "mine"], "did you mean 'network'?"),
        (["method"], "give the name of the new method: bench new method NAME"),
        ([], "give what to write, and its name: method, layer, network, problem, images, callback"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert expected in refusal(capsys, *arguments)
    assert list(here.iterdir()) == []
