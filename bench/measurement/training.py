"""The training loop: the same optimiser, loss and data order for every trained method."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from bench.config.settings import TrainConfig
from bench.measurement.checkpoint import Checkpoint
from bench.measurement.clock import Clock, synchronise
from bench.measurement.evaluation import Quality
from bench.measurement.failure import Diverged
from bench.measurement.method_state import state_apart
from bench.measurement.models import TrainedModel
from bench.measurement.reproducibility import generators_kept
from bench.measurement.training_log import TrainingLog
from bench.records.model import Rows
from bench.records.schema import MOST_NUMBER
from methods.metrics import collected_metrics
from methods.training.one_cycle import OneCycleAdam
from problems.data import Pairs
from problems.seeds import derive_seed

LOSS_FLOOR = 1e-7  # of the mean squared error inside the logarithm: 70 dB

Evaluate = Callable[[], Quality]
Report = Callable[[Mapping[str, object]], None]  # of a row of the curve


def train(
    model: TrainedModel,
    pairs: Pairs,
    config: TrainConfig,
    seed: int,
    log: TrainingLog,
    evaluate: Evaluate,
    report: Report,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Train `model`, filling `log`; evaluation and checkpoints are outside the clock.

    evaluate(): the quality on the validation images; report(point): called after each
    evaluation. With a checkpoint that holds a state, training goes on from it, to the same end.
    Raises Diverged at the first loss that is not finite.
    """
    learning_rate = model.learning_rate_factor * config.learning_rate
    optimiser = OneCycleAdam(model.module, learning_rate, config.steps)
    points = evaluation_steps(config)
    if checkpoint is None or not checkpoint.restore(model, optimiser, log):
        _point(model, log, math.nan, evaluate, report)
    done = len(log.steps)
    batches = islice(batch_indices(len(pairs.clean), config.batch_size, seed), done, None)
    for step in range(done + 1, config.steps + 1):
        with log.clock.phase("data"):
            chosen = next(batches).to(pairs.clean.device)
            batch = Pairs(pairs.clean[chosen], pairs.observed[chosen])
        with collected_metrics() as metrics:
            loss = _step(model, batch, chosen, optimiser, config.loss, log.clock)
        log.steps.append(_step_row(model, log, step, loss))
        log.metrics += _metric_rows(step, metrics)
        if not math.isfinite(loss):
            raise Diverged(f"the loss is not finite ({loss}) at step {step}")
        if step in points:
            _point(model, log, loss, evaluate, report)
        if checkpoint is not None:
            checkpoint.keep(model, optimiser, log)


def evaluation_steps(config: TrainConfig) -> frozenset[int]:
    """The steps after which the validation images are reconstructed, the last one always.

    The gap is `evaluate_growth` times the step before it, and at least `evaluate_every`: an
    accuracy that is reached late is known to the same fraction of its time as one reached early.
    """
    points, step = set(), 0
    while step < config.steps:
        step += max(config.evaluate_every, math.floor(config.evaluate_growth * step))
        points.add(min(step, config.steps))
    return frozenset(points)


def _step(
    model: TrainedModel,
    batch: Pairs,
    samples: Tensor,
    optimiser: OneCycleAdam,
    loss_name: str,
    clock: Clock,
) -> float:
    with clock.phase("forward"):
        loss = training_loss(loss_name, model.image(batch.observed, samples), batch.clean)
    with clock.phase("backward"):
        optimiser.zero_grad()
        loss.backward()
    with clock.phase("optimiser"):
        optimiser.step()
    model.count()
    return loss.item()


def _step_row(model: TrainedModel, log: TrainingLog, step: int, loss: float) -> dict[str, object]:
    return {
        "step": step,
        "train_seconds": log.clock.seconds,
        "loss": loss,
        "forward_residual": model.trace.forward.last_residual,
        "adjoint_residual": model.trace.adjoint.last_residual,
        "forward_evaluations": float(model.evaluations),
        "vjps": float(model.vjps),
    }


def _metric_rows(step: int, metrics: Mapping[str, Any]) -> Rows:
    """A row for each metric; what a record cannot hold is infinite."""
    rows: Rows = []
    for name, reported in metrics.items():
        value = float(reported)
        value = value * math.inf if abs(value) > MOST_NUMBER else value
        rows.append({"step": step, "name": name, "value": value})
    return rows


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


def warm_up(model: TrainedModel, pairs: Pairs, config: TrainConfig) -> tuple[float, float]:
    """Two forward and backward passes outside of the clock and the counts.

    No weight, no state of the method and no generator changes.

    Returns their seconds, and those that only a first pass costs: the first above the second, for
    compilation, choice of kernels, loading.
    """
    device = str(pairs.clean.device)
    with generators_kept(device):
        first, second = (_pass_seconds(model, pairs, config, device) for _ in range(2))
    model.evaluations = model.vjps = 0
    model.trace.clear()
    return first + second, max(first - second, 0.0)


def _pass_seconds(model: TrainedModel, pairs: Pairs, config: TrainConfig, device: str) -> float:
    started = time.perf_counter()
    one_step(model, pairs, config)
    synchronise(device)
    return time.perf_counter() - started


def one_step(model: TrainedModel, pairs: Pairs, config: TrainConfig) -> None:
    """The forward and backward pass of the first batch; its gradients are discarded."""
    count = config.batch_size
    step_without_update(model, pairs.observed[:count], pairs.clean[:count], config.loss)


def step_without_update(model: TrainedModel, observed: Tensor, clean: Tensor, loss: str) -> None:
    """The forward and backward pass of one step; its gradients and its state are discarded."""
    samples = torch.arange(len(observed), device=observed.device)
    with state_apart(model):
        training_loss(loss, model.image(observed, samples), clean).backward()
    model.count()
    for parameter in model.parameters():
        parameter.grad = None


def _point(
    model: TrainedModel, log: TrainingLog, loss: float, evaluate: Evaluate, report: Report
) -> None:
    quality = evaluate()
    log.curve.append(
        {
            "step": len(log.steps),
            "train_seconds": log.clock.seconds,
            "forward_evaluations": float(model.evaluations),
            "vjps": float(model.vjps),
            "loss": loss,
            "psnr": quality.mean_psnr,
            "ssim": quality.mean_ssim,
            "residual": model.trace.forward.last_residual,
            "gradient_norm": _gradient_norm(model),
            "adjoint_residual": model.trace.adjoint.last_residual,
        }
    )
    report(log.curve[-1])


def _gradient_norm(model: TrainedModel) -> float:
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients)) if gradients else math.nan
