"""The two states of the weights at which gradients are measured: at the start, and trained.

The weights do not depend on the size of the images, so one short training at 32 pixels, kept in
the cache, serves every size.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch

from bench.config.plain import to_plain
from bench.config.settings import RunConfig
from bench.machine.code_version import code_version
from bench.machine.description import decisive_versions
from bench.measurement.cache import cache_folder
from bench.measurement.clock import Clock
from bench.measurement.evaluation import Quality
from bench.measurement.gradient import Weights, weights_of
from bench.measurement.models import TrainedModel, build_model
from bench.measurement.training import train
from bench.measurement.training_log import TrainingLog
from methods.jfb import JacobianFreeBackpropagation
from methods.training.weights_file import content_key, load_weights, save_weights, tensor_hash
from problems.base import problem_of_seed
from problems.data import Pairs, make_pairs

TRAINING_SIZE = 32


def weights_at(state: str, config: RunConfig) -> Weights:
    """The weights of the layer by name, on the CPU, "initial" or "trained"; may raise Diverged."""
    config = _training_config(config)
    physics = config.problem.physics(config.device)
    model = build_model(config, physics)
    return _trained(model, physics, config) if state == "trained" else weights_of(model.module)


def _training_config(config: RunConfig) -> RunConfig:
    """A JFB training with the kernel of the seed, at 32 pixels or the size that a problem fixes."""
    problem = problem_of_seed(config.problem, config.seed)
    size, kernel_size = getattr(problem, "size", None), getattr(problem, "kernel_size", 0)
    if size is not None and kernel_size <= TRAINING_SIZE:
        problem = replace(problem, size=TRAINING_SIZE)
    settings = replace(config.train, evaluate_every=config.train.steps)
    return replace(config, method=JacobianFreeBackpropagation(), problem=problem, train=settings)


def _trained(model: TrainedModel, physics: Any, config: RunConfig) -> Weights:
    problem, images, count = config.problem, config.images, config.train.crops
    pairs = make_pairs(problem, physics, images, "train", count, config.seed, config.device)
    model.pretrain(pairs.clean, config)
    initial = weights_of(model.module)
    path = cache_folder() / f"trained-{_key(config, pairs, initial)}.safetensors"
    if (found := load_weights(path)) and _shapes(found[0]) == _shapes(initial):
        return found[0]
    _train(model, pairs, config)
    weights = weights_of(model.module)
    save_weights(path, weights)
    return weights


def _shapes(weights: Weights) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


def _key(config: RunConfig, pairs: Pairs, initial: Weights) -> str:
    """A hash of all that decides the weights: data, start, settings, device, code and libraries."""
    plain, parts = to_plain(config), (config.problem, config.layer, config.network, config.method)
    chosen = ("problem", "layer", "network", "forward", "train", "seed", "num_threads")
    return content_key(
        {
            **{name: plain[name] for name in chosen},
            "pairs": tensor_hash(pairs.clean, pairs.observed),
            "initial": tensor_hash(*initial.values()),
            "device": config.device.split(":")[0],
            "code": code_version(map(type, parts), "bench.measurement.training"),
            "libraries": decisive_versions(),
        }
    )


def _train(model: TrainedModel, pairs: Pairs, config: RunConfig) -> None:
    unknown = Quality(torch.tensor([math.nan]), torch.tensor([math.nan]))
    log, settings = TrainingLog(Clock(config.device)), config.train
    train(model, pairs, settings, config.seed, log, lambda: unknown, lambda point: None)
