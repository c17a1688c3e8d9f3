"""The training loop: the same optimiser, loss and data order for every trained method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.clock import Clock
from bench.config import TrainConfig
from bench.evaluation import Quality
from bench.failure import Diverged
from bench.models import TrainedModel
from problems.data import Pairs
from problems.seeds import derive_seed

WARM_UP_FRACTION = 0.1  # of the steps, over which the learning rate rises
LOSS_FLOOR = 1e-7  # of the mean squared error inside the logarithm: 70 dB

Evaluate = Callable[[], Quality]
Report = Callable[[int, float], None]


@dataclass
class Training:
    """What training leaves: the curve so far, and the clock. It is whole also after a failure."""

    clock: Clock
    steps: int = 0
    curve: list[dict[str, object]] = field(default_factory=list)


def train(
    model: TrainedModel,
    pairs: Pairs,
    config: TrainConfig,
    seed: int,
    training: Training,
    evaluate: Evaluate,
    report: Report,
) -> None:
    """Train `model`, filling `training`; evaluation is outside the clock.

    evaluate(): the quality on the test images; report(step, psnr): called after each evaluation.
    Raises Diverged at the first loss that is not finite.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps, pct_start=WARM_UP_FRACTION
    )
    batches = batch_indices(len(pairs.clean), config.batch_size, seed)
    _point(model, training, math.nan, evaluate, report)
    for step in range(1, config.steps + 1):
        with training.clock.running():
            loss = _step(model, pairs, next(batches), optimiser, config.loss)
            schedule.step()
        training.steps = step
        if not math.isfinite(loss):
            raise Diverged(f"the loss was {loss} at step {step}")
        if step % config.evaluate_every == 0 or step == config.steps:
            _point(model, training, loss, evaluate, report)


def _step(
    model: TrainedModel,
    pairs: Pairs,
    batch: Tensor,
    optimiser: torch.optim.Optimizer,
    loss_name: str,
) -> float:
    batch = batch.to(pairs.clean.device)
    loss = training_loss(loss_name, model.image(pairs.observed[batch]), pairs.clean[batch])
    optimiser.zero_grad()
    loss.backward()
    model.count()
    optimiser.step()
    return loss.item()


def training_loss(name: str, image: Tensor, clean: Tensor) -> Tensor:
    """The loss of images (N, C, H, W): "mse", or "psnr", the mean of -PSNR over the samples (dB).

    The second weighs each image alike, as the reported mean PSNR does; the first is ruled by the
    images with the largest error.
    """
    errors = (image - clean).square().flatten(1).mean(1)
    if name == "psnr":
        errors = 10 * torch.log10(errors + LOSS_FLOOR)
    return errors.mean()


def batch_indices(count: int, batch_size: int, seed: int) -> Iterator[Tensor]:
    """Endless batches of indices, epoch after shuffled epoch; the same for every method."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "order"))
    pool = torch.empty(0, dtype=torch.int64)
    while True:
        while len(pool) < batch_size:
            pool = torch.cat([pool, torch.randperm(count, generator=generator)])
        yield pool[:batch_size]
        pool = pool[batch_size:]


def warm_up(model: TrainedModel, pairs: Pairs, config: TrainConfig) -> None:
    """One forward and backward pass that is neither timed nor counted, and changes no weight."""
    batch = pairs.observed[: config.batch_size], pairs.clean[: config.batch_size]
    step_without_update(model, *batch, config.loss)
    model.evaluations = model.vjps = 0


def step_without_update(model: TrainedModel, observed: Tensor, clean: Tensor, loss: str) -> None:
    """The forward and backward pass of one step; its gradients are discarded."""
    training_loss(loss, model.image(observed), clean).backward()
    model.count()
    for parameter in model.parameters():
        parameter.grad = None


def _point(
    model: TrainedModel, training: Training, loss: float, evaluate: Evaluate, report: Report
) -> None:
    quality = evaluate()
    training.curve.append(
        {
            "step": training.steps,
            "train_seconds": training.clock.seconds,
            "forward_evaluations": float(model.evaluations),
            "vjps": float(model.vjps),
            "loss": loss,
            "psnr": quality.mean_psnr,
            "ssim": quality.mean_ssim,
            "residual": model.trace.forward.last_residual,
            "gradient_norm": _gradient_norm(model),
        }
    )
    report(training.steps, quality.mean_psnr)


def _gradient_norm(model: TrainedModel) -> float:
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients)) if gradients else math.nan
