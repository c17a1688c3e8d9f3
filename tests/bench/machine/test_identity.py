"""The fingerprint of a machine: what changes it, and what it is made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.machine import description
from bench.machine import identity as module
from bench.machine.identity import fingerprint, machine_identity
from bench.machine.processor import processor

MEASURED = {"blas": "mkl 2024.2", "probe": {"product": "12345678", "solve": "9abcdef0"}}


def test_every_part_changes_the_fingerprint_a_bit_of_the_probe_too() -> None:
    identity = machine_identity("cpu", 1, MEASURED)
    probe = {"product": "12345679", "solve": "9abcdef0"}
    changed = [{**identity, name: "another"} for name in identity]
    changed += [machine_identity("cpu", 2, MEASURED), {**identity, "probe": probe}]
    prints = {fingerprint(each) for each in [identity, *changed]}
    assert len(prints) == 1 + len(changed)
    assert all(len(each) == 12 and int(each, 16) >= 0 for each in prints)


def test_the_order_in_which_it_is_told_does_not_change_the_fingerprint() -> None:
    identity = machine_identity("cpu", 1, MEASURED)
    assert fingerprint(dict(reversed(identity.items()))) == fingerprint(identity)


def test_it_is_short_and_flat_but_for_the_probe() -> None:
    identity = machine_identity("cpu", 1, MEASURED)
    assert {"processor", "vendor", "family", "model", "stepping", "microcode"} < set(identity)
    assert {"torch", "numpy", "python"} < set(identity)
    assert [name for name, value in identity.items() if isinstance(value, dict)] == ["probe"]
    assert len(json.dumps(identity)) < 2000
    assert (identity["device"], identity["num_threads"], identity["driver"]) == ("cpu", 1, "")


def test_flags_are_a_hash_of_their_own_and_empty_where_they_are_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashes = set()
    for flags in ("avx2 fpu", "avx2", ""):
        fields = {**processor(), "flags": flags}
        monkeypatch.setattr(module, "processor", lambda fields=fields: fields)
        hashes.add(machine_identity("cpu", 1, MEASURED)["flags"])
    assert len(hashes) == 3
    assert "" in hashes


def test_a_gpu_is_told_by_its_kind_and_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = tmp_path / "version"
    monkeypatch.setattr(description, "NVIDIA_VERSION", version)
    assert machine_identity("cuda:1", 1, MEASURED)["driver"] == ""
    version.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\n"
        "GCC version:  gcc version 12.3.0\n"
    )
    identity = machine_identity("cuda:1", 1, MEASURED)
    assert (identity["device"], identity["driver"]) == ("cuda", "570.124.06")
