"""submitit on a real Slurm, without anything of ours: what bench.execution.slurm relies on."""

from __future__ import annotations

from pathlib import Path

import submitit


def test_an_array_of_three_functions_returns_their_results(tmp_path: Path) -> None:
    executor = submitit.AutoExecutor(tmp_path, cluster="slurm")
    executor.update_parameters(timeout_min=5)
    jobs = executor.map_array(pow, [2, 3, 4], [3, 3, 3])
    assert len({job.job_id.split("_")[0] for job in jobs}) == 1
    assert [job.result() for job in jobs] == [8, 27, 64]
