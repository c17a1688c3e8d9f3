"""`compare` on real runs: a method that was slowed down on purpose is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import run_command_line
from tests.bench.tiny_runs import TINY

SLOW_JFB = '''
import time
from dataclasses import dataclass

from bench.registry import register_method
from methods.base import GradientMethod


@register_method("slow_jfb")
@dataclass(frozen=True)
class SlowJFB(GradientMethod):
    """JFB with a sleep in its backward pass."""

    def fixed_point(self, layer, z0, forward):
        z = layer(forward(layer, z0))
        if z.requires_grad:
            z.register_hook(lambda cotangent: time.sleep(0.3))
        return z
'''


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    plugin = folder / "slow_jfb.py"
    plugin.write_text(SLOW_JFB)
    out = folder / "results"
    options = ["--methods", "jfb,slow_jfb", "--sizes", "16", "--seeds", "2", "--device", "cpu"]
    given = [*options, "--noise-pairs", "0", "--plugin", str(plugin), "--out", str(out), *TINY]
    command = [sys.executable, "-m", "bench", "run", *given]
    subprocess.run(command, check=True, capture_output=True)
    return out


def test_a_sleep_in_the_backward_pass_is_a_regression_and_no_loss_of_quality(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(results)
    assert run_command_line(["compare", folder, folder, "--match", "slow_jfb=jfb"]) == 1
    printed = capsys.readouterr()
    found = printed.out.split("regression")[-1].splitlines()[1:]
    (slower,) = [line for line in found if "training step" in line]
    assert "slow_jfb / jfb" in slower
    assert not any("PSNR" in line or "memory" in line for line in found)


def test_a_run_is_no_worse_than_itself(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["compare", str(results), str(results)]) == 0
    assert "no regression" in capsys.readouterr().out
