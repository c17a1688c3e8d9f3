"""`compare` on real runs: a method that was slowed down on purpose is noticed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import plugins
from bench.cli import run_command_line
from bench.machine.description import describe_machine
from bench.plugins import load_all, load_plugin
from bench.records import read_record, write_experiment, write_record
from bench.registry import METHODS
from tests.support.tiny_runs import grid, make

PLUGIN = '''
import time
from dataclasses import dataclass
from typing import ClassVar

from bench.registry import register_method
from methods.base import GradientMethod


@register_method("steady")
@dataclass(frozen=True)
class Steady(GradientMethod):
    """JFB with a sleep in its backward pass, beside which the load of the machine is little."""

    seconds: ClassVar[float] = 0.1

    def fixed_point(self, layer, z0, forward):
        z = layer(forward(layer, z0))
        if z.requires_grad:
            z.register_hook(lambda cotangent: time.sleep(self.seconds))
        return z


@register_method("slow")
@dataclass(frozen=True)
class Slow(Steady):
    """A longer sleep."""

    seconds: ClassVar[float] = 0.4
'''


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Both methods by three seeds; the plug-in is taken back at the end."""
    folder = tmp_path_factory.mktemp("compared")
    plugin = folder / "slow.py"
    plugin.write_text(PLUGIN)
    load_all([])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(METHODS, "_entries", dict(METHODS._entries))
        patch.setattr(plugins, "_loaded_plugins", [])
        load_plugin(str(plugin))
        specs = grid("steady,slow", "memory_pass=false", "reconstruction_pass=false", seeds=3)
        floor = {"relative": 0.3, "pairs": 6, "device": "cpu", "num_threads": 1}
        known = {"machine": describe_machine(), "noise_floor": floor}
        write_experiment(folder / "experiment.yaml", known)
        assert make(specs, folder) == 0
        as_on_a_quiet_machine(folder)
        yield folder


def as_on_a_quiet_machine(results: Path) -> None:
    """Equal calibrations: by its own, a run on a busy machine is disturbed, and left out."""
    for folder in sorted((results / "runs").iterdir()):
        record = read_record(folder)
        quiet = {"calibration_before": 0.01, "calibration_after": 0.01}
        write_record(results, replace(record, row={**record.row, **quiet}))


def test_a_sleep_in_the_backward_pass_is_a_regression_and_no_loss_of_quality(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(results)
    assert run_command_line(["compare", folder, folder, "--match", "slow=steady"]) == 1
    printed = capsys.readouterr()
    found = printed.out.partition("regression:\n")[2].partition("inconclusive:")[0].splitlines()
    (slower,) = [line for line in found if "training step" in line]
    assert "slow / steady" in slower
    (backward,) = re.findall(r"backward × ([0-9.]+)", slower)
    assert float(backward) > 1.5  # the phase that sleeps is named
    assert not any("PSNR" in line or "memory" in line for line in found)


def test_a_run_is_no_worse_than_itself(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["compare", str(results), str(results)]) == 0
    assert "no regression" in capsys.readouterr().out
