"""These tests need the Slurm that tests/slurm/cluster.py starts: `make test-slurm`."""

from __future__ import annotations

import subprocess

import pytest

from tests.slurm.cluster import CLUSTER_NAME


@pytest.fixture(scope="session", autouse=True)
def reachable_slurm() -> None:
    # Any other cluster is somebody's: no place to submit tests to.
    command = ["scontrol", "show", "config"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no Slurm is reachable: make test-slurm starts one")
    if CLUSTER_NAME not in asked.stdout:
        pytest.skip("this Slurm is not the tests' own: make test-slurm starts one")
