"""The training of any network as a denoiser of white Gaussian noise."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from methods.training.checkpoint_file import CheckpointFile
from methods.training.one_cycle import OneCycleAdam


@dataclass(frozen=True)
class NoiseTask:
    """sigma: the standard deviation of the noise; learning_rate: the largest of the cycle."""

    sigma: float
    steps: int
    batch_size: int
    learning_rate: float


def fit_denoiser(
    model: nn.Module,
    task: NoiseTask,
    clean: Tensor,
    generator: torch.Generator,
    checkpoint: CheckpointFile,
) -> float:
    """Minimise the mean squared error on noisy images; the seconds, without those for checkpoints.

    clean: (N, C, H, W); generator: of the batches and of the noise, on the CPU.
    """
    optimiser = OneCycleAdam(model, task.learning_rate, task.steps)
    done, earlier = _restore(checkpoint, optimiser, generator)
    started = time.perf_counter()
    for step in range(done + 1, task.steps + 1):
        chosen = torch.randint(len(clean), (task.batch_size,), generator=generator)
        batch = clean[chosen.to(clean.device)]
        noise = task.sigma * torch.randn(batch.shape, generator=generator).to(batch)
        loss = (model(batch + noise) - batch).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if checkpoint.due:
            earlier += _seconds_since(started, clean.device)
            state = {"optimiser": optimiser.state(), "generator": generator.get_state()}
            checkpoint.save({"steps": step, "seconds": earlier, **state})
            started = time.perf_counter()
    return earlier + _seconds_since(started, clean.device)


def _restore(
    checkpoint: CheckpointFile, optimiser: OneCycleAdam, generator: torch.Generator
) -> tuple[int, float]:
    """Resume from a checkpoint: its steps and seconds; (0, 0.0) without one."""
    state = checkpoint.load()
    if state is None:
        return 0, 0.0
    try:
        optimiser.check(state["optimiser"])
    except (ValueError, LookupError) as error:
        checkpoint.refuse(str(error))
        return 0, 0.0
    optimiser.restore(state["optimiser"])
    generator.set_state(state["generator"])
    return state["steps"], state["seconds"]


def _seconds_since(started: float, device: torch.device) -> float:
    """The seconds until now; a GPU is synchronised first."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
