"""Where runs are made at the same time: one on each GPU, or on processor cores of their own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError, counted

TOPOLOGY = Path("/sys/devices/system/cpu")


@dataclass(frozen=True)
class Slot:
    """A place for one run at a time. Empty cores: any; None: the devices that are visible now."""

    cores: tuple[int, ...] = ()
    visible_devices: str | None = None


def slots_for(device: str, jobs: int | None, num_threads: int) -> list[Slot]:
    """The slots for `--device` (resolved) and `--jobs` (None: one, or one for each GPU).

    Raises UserError if there are fewer GPUs or cores than asked for.
    """
    if device.startswith("cuda"):
        return _on_gpus(device, jobs)
    return _on_cores(jobs or 1, num_threads)


def _on_gpus(device: str, jobs: int | None) -> list[Slot]:
    visible = visible_gpus()
    if device != "cuda":
        visible = [visible[int(device.split(":")[1])]]
    if jobs is not None and jobs > len(visible):
        raise UserError(
            f"--jobs {jobs}: must be at most {len(visible)} (each GPU executes one run at a time)"
        )
    return [Slot(visible_devices=name) for name in visible[:jobs]]


def visible_gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may be set to, to see one GPU each."""
    import torch

    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in given.split(",")] if given else []
    count = torch.cuda.device_count()
    return names[:count] if names else [str(index) for index in range(count)]


def _on_cores(jobs: int, num_threads: int) -> list[Slot]:
    if jobs == 1:
        return [Slot()]
    cores = usable_cores()
    if jobs * num_threads > len(cores):
        most = max(len(cores) // num_threads, 1)
        limits = f"{counted(len(cores), 'core')}, num_threads={num_threads}"
        raise UserError(f"--jobs {jobs}: must be at most {most} ({limits})")
    share = len(cores) // jobs
    return [Slot(cores=tuple(cores[at * share : (at + 1) * share])) for at in range(jobs)]


def usable_cores() -> list[int]:
    """The logical cores that this process may use; the siblings of a physical core adjacent."""
    if not hasattr(os, "sched_getaffinity"):
        raise UserError("--jobs: this system cannot bind processes to cores")
    return sorted(os.sched_getaffinity(0), key=lambda core: (_siblings(core), core))


def _siblings(core: int) -> int:
    """The first of the logical cores that share this one's physical core."""
    path = TOPOLOGY / f"cpu{core}/topology/thread_siblings_list"
    try:
        return int(path.read_text(encoding="ascii").replace("-", ",").split(",")[0])
    except (OSError, ValueError):
        return core
