"""What each run asks of Slurm."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.parameters import parameter

LAST_SECONDS = 120.0  # of a job, in which no run goes on


@dataclass(frozen=True)
class SlurmSettings:
    """What each task of a job array asks of Slurm; an empty text leaves it to the cluster.

    minutes: after which Slurm ends a task; parallelism: tasks of the array at a time.
    """

    partition: str = ""
    gpus: int = parameter(0, at_least=0)
    cpus: int = parameter(1, at_least=1)
    memory_gib: float = parameter(4.0, above=0)
    minutes: int = parameter(240, at_least=2)
    parallelism: int = parameter(16, at_least=1)
    account: str = ""
    qos: str = ""
    constraint: str = ""

    @property
    def seconds_of_a_run(self) -> float:
        """After which a run is ended with a record, before Slurm ends its job without one."""
        return max(60.0 * self.minutes - LAST_SECONDS, 15.0 * self.minutes)
