"""The numerical probe: the same in every process, and no trace of it in the run."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from bench.measurement import machine, probe
from bench.measurement.machine import machine_columns
from bench.measurement.probe import COMPUTATIONS, numbers, numerical_probe
from bench.measurement.reproducibility import settle_process

PROGRAM = """
from bench.measurement.machine import machine_columns
from bench.measurement.reproducibility import settle_process
settle_process(1)
print(machine_columns("cpu", 1)["machine_identity"])
"""


def test_every_process_of_a_machine_has_the_same_bits() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    settle_process(1)
    here = machine_columns("cpu", 1)
    assert json.loads(done.stdout) == json.loads(here["machine_identity"])
    found = json.loads(done.stdout)["probe"]
    assert list(found) == list(COMPUTATIONS)
    assert len(set(found.values())) == len(found)
    assert all(len(digits) == 8 for digits in found.values())


@pytest.mark.parametrize("name", COMPUTATIONS)
def test_the_last_bit_of_a_result_changes_its_digits_alone_and_the_fingerprint(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, columns = numerical_probe("cpu"), machine_columns("cpu", 1)
    compute = COMPUTATIONS[name]

    def off_by_a_bit(device: str) -> probe.Results:
        first, *rest = compute(device)
        parts = torch.view_as_real(first) if first.is_complex() else first.detach().clone()
        flat = parts.reshape(-1)
        flat[0] = torch.nextafter(flat[0], torch.tensor(torch.inf))
        yield from (parts, *rest)

    monkeypatch.setitem(COMPUTATIONS, name, off_by_a_bit)
    after = numerical_probe("cpu")
    assert {key for key in before if before[key] != after[key]} == {name}
    assert machine_columns("cpu", 1)["fingerprint"] != columns["fingerprint"]


def test_what_cannot_be_computed_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(device: str) -> probe.Results:
        raise RuntimeError("PyTorch is not compiled with LAPACK support")
        yield

    monkeypatch.setitem(COMPUTATIONS, "solve", fail)
    assert numerical_probe("cpu")["solve"] == ""


def test_generators_and_settings_stay_as_they_were() -> None:
    torch.manual_seed(3)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    flags = torch.backends.cudnn.deterministic, torch.is_grad_enabled()
    with torch.no_grad():
        numerical_probe("cpu")
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.random.get_state()[1].tolist() == states[2]
    assert (torch.backends.cudnn.deterministic, torch.is_grad_enabled()) == flags


def test_the_inputs_fill_an_interval_evenly() -> None:
    values = numbers("cpu", 50, 20).flatten().double()
    assert (values.min().item(), values.max().item()) == pytest.approx((-0.5, 0.5), abs=0.01)
    assert values.sort().values.diff().max().item() < 0.003


def test_the_libraries_that_compute_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    build = "\n  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605\n"
    settings = "  - Build settings: BLAS_INFO=mkl, LAPACK_INFO=open, USE_MKL=ON"
    monkeypatch.setattr(machine.torch.__config__, "show", lambda: build + settings)
    identity = machine.identify("cpu", 1)
    assert (identity["blas"], identity["lapack"]) == ("mkl 2024.2", "open")
    assert identity["capability"]
    assert identity["gpu"] == identity["cuda"] == identity["cudnn"] == ""
    monkeypatch.setattr(machine.torch.__config__, "show", lambda: "BLAS_INFO=accelerate")
    assert machine.identify("cpu", 1)["blas"] == "accelerate"
    monkeypatch.setattr(machine.torch.__config__, "show", lambda: "")
    assert machine.identify("cpu", 1)["lapack"] == ""
