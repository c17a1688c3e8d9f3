"""What decides a run's numbers, and what does not."""

from __future__ import annotations

import json

import pytest

from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity, run_key, what_changed
from tests.support.stored_runs import four_runs

pytestmark = pytest.mark.usefixtures("registered")


def test_all_that_is_known_before_a_run() -> None:
    gradient, variational = (identity(spec) for spec in four_runs()[:2])
    told = ("problem", "size", "layer", "method", "family", "seed", "device")
    assert [gradient[name] for name in told] == [
        "motion",
        32,
        "degrad",
        "jfb",
        "gradient",
        0,
        "cpu",
    ]
    assert [variational[name] for name in told[2:5]] == ["", "tv", "variational"]
    assert (gradient["noise_sigma"], gradient["num_threads"]) == (0.01, 1.0)
    assert gradient["method_params"] == "{}"
    assert json.loads(str(variational["method_params"])) == {"weight": None}
    versions = json.loads(str(gradient["library_versions"]))
    assert {"python", "torch", "deepinv", "torchdeq", "implicit-bench"} <= set(versions)


def test_the_key_changes_with_all_that_decides_the_numbers_and_nothing_else() -> None:
    row = identity(four_runs()[0])
    keys = {run_key(row)}
    changes = ("config_hash", "code_version", "library_versions", "device")
    for column in changes:
        changed = {**row, column: "another"}
        keys.add(run_key(changed))
        assert what_changed(row, changed)
    assert len(keys) == 1 + len(changes)
    later = {**row, "started_at": "later", "host": "elsewhere", "log_path": "there"}
    assert run_key(later) in keys
    assert what_changed(row, later) == ""


@pytest.mark.parametrize(
    "setting", ["timeout_seconds=9", "memory_limit_gib=2", "checkpoint_every_seconds=7"]
)
def test_a_limit_is_not_part_of_what_a_run_is(setting: str) -> None:
    """Finished runs must not be made again for it, nor a checkpoint be lost."""
    for limited, spec in zip(four_runs(setting), four_runs(), strict=True):
        assert (limited.run_id, limited.config_hash) == (spec.run_id, spec.config_hash)
        name, value = setting.split("=")
        assert limited.config[name] == float(value)


def test_which_gpu_makes_a_run_is_not_part_of_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.machine.device._cuda_devices", lambda: 2)
    on = [build_grid(GridRequest("jfb", seeds="1", device=name)) for name in ("cuda", "cuda:1")]
    assert on[0] == on[1]
    assert on[0][0].config["device"] == "cuda"
    numbered, cpu = {**identity(on[0][0]), "device": "cuda:1"}, identity(four_runs()[0])
    assert run_key(numbered) == run_key(identity(on[0][0]))
    assert what_changed(numbered, identity(on[0][0])) == ""
    assert what_changed(cpu, {**cpu, "device": "cuda:1"}) == "device cpu → cuda"
