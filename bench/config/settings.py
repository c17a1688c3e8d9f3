"""The settings of one run, with their defaults and ranges.

The parameters of the method, problem, layer, network and image source live in the registered
dataclasses; everything that they share is here. `bench.config.overrides` makes a RunConfig from
settings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from bench.config.parameters import check_parameters, parameter
from bench.errors import UserError, blaming, unknown_name
from bench.records import USUAL_NETWORK
from bench.registry import IMAGES, LAYERS, METHODS, NETWORKS, PROBLEMS, Registry

GROUPS = {
    "method": METHODS,
    "problem": PROBLEMS,
    "layer": LAYERS,
    "network": NETWORKS,
    "images": IMAGES,
}
DEFAULT_CHOICES = {
    "problem": "motion",
    "layer": "degrad",
    "network": USUAL_NETWORK,
    "images": "natural",
}
# Settings whose group changed, by the name that they had before there was a choice of networks.
RENAMED = {
    f"layer.{name}": f"network.{name}"
    for name in ("threshold", "blocks", "filter_size", "group", "guide_features")
}
SMALLEST_SIZE, LARGEST_SIZE = 16, 512
MOST_THREADS = 1024
MOST_MEMORY_GIB = 2**20  # more than any machine has, and a number that the system accepts
# They decide whether a run gets to its end, and nothing that is measured: with another value, a
# finished run is the same run.
WITHOUT_EFFECT = ("timeout_seconds", "memory_limit_gib", "checkpoint_every_seconds")


@dataclass(frozen=True)
class ForwardConfig:
    """How the fixed point is found: the same for every gradient method."""

    solver: str = parameter("anderson", one_of=("anderson", "broyden", "fixed_point"))
    tolerance: float = parameter(1e-4, above=0)  # of the relative residual |T(z) - z| / |T(z)|
    max_iterations: int = parameter(100, at_least=1)
    memory: int = parameter(5, at_least=1)  # past iterates that Anderson acceleration keeps
    start: str = parameter("initial", one_of=("initial", "previous"))  # of a training image


@dataclass(frozen=True)
class TrainConfig:
    """How every trained method is trained."""

    steps: int = parameter(300, at_least=1)
    batch_size: int = parameter(8, at_least=1)
    learning_rate: float = parameter(5e-3, above=0)  # of Adam, at the top of a one-cycle schedule
    loss: str = parameter("psnr", one_of=("psnr", "mse"))  # psnr: mean of -PSNR over the samples
    evaluate_every: int = parameter(2, at_least=1)  # least steps between two points of the curve
    evaluate_growth: float = parameter(0.045, at_least=0)  # the gap grows to this part of the step
    crops: int = parameter(512, at_least=1)  # training crops


@dataclass(frozen=True)
class EvaluateConfig:
    """What every method is judged on."""

    validation_images: int = parameter(16, at_least=1)  # crops for curves, targets, reconstruction
    images: int = parameter(64, at_least=1)  # test crops, for the final quality
    samples: int = parameter(3, at_least=0)  # of them, and of the pictures, kept for the gallery
    pictures: int = parameter(2, at_least=0)  # test pictures, reconstructed with the final weights
    picture_size: int = parameter(128, at_least=0, at_most=1024)  # pixels, square; 0: whole


@dataclass(frozen=True)
class RunConfig:
    """All that decides one run. `layer` and `network` are None for methods that have no layer."""

    method: Any = None
    problem: Any = None
    layer: Any = None
    images: Any = None
    network: Any = None
    forward: ForwardConfig = field(default_factory=ForwardConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    seed: int = parameter(0, at_least=0)
    device: str = "auto"
    num_threads: int = parameter(1, at_least=1, at_most=MOST_THREADS)
    timeout_seconds: float = parameter(0.0, at_least=0)  # 0: no limit
    # Of the run's process; 0: no limit.
    memory_limit_gib: float = parameter(0.0, at_least=0, at_most=MOST_MEMORY_GIB)
    checkpoint_every_seconds: float = parameter(0.0, at_least=0)  # of a training; 0: never
    memory_pass: bool = True  # peak memory, also against forward iterations
    reconstruction_pass: bool = True  # quality and time against the iterations of one image
    gradient_pass: bool = False  # the error of the gradient at the weights that training led to


SECTIONS = {"forward": ForwardConfig, "train": TrainConfig, "evaluate": EvaluateConfig}


def validate(config: RunConfig) -> None:
    """Check every range; raises UserError that names the setting and what it may be."""
    require_ranges(config)
    for section in SECTIONS:
        require_ranges(getattr(config, section), f"{section}.")
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", config.device):
        raise unknown_name("device", config.device, ("auto", "cpu", "cuda"))
    _validate_size(config.problem)
    for group, registry in GROUPS.items():
        if (choice := getattr(config, group)) is not None:
            _validate_choice(registry, choice)
    _validate_contraction(config.layer, config.network)


def require_ranges(settings: Any, prefix: str = "") -> None:
    """Raise UserError for a parameter out of its range, named with the prefix of its section."""
    try:
        check_parameters(settings)
    except ValueError as error:
        raise UserError(f"{prefix}{error}") from error


def _validate_size(problem: Any) -> None:
    # A problem of a plug-in may fix its own size, or have no kernel.
    size, kernel_size = getattr(problem, "size", None), getattr(problem, "kernel_size", None)
    if size is None:
        return
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise UserError(f"size {size}: must be from {SMALLEST_SIZE} to {LARGEST_SIZE} pixels")
    if kernel_size is not None and size < kernel_size:
        raise UserError(f"size {size} is smaller than the blur kernel ({kernel_size} pixels)")


def _validate_contraction(layer: Any, network: Any) -> None:
    if getattr(layer, "lipschitz", 0) == 1 and getattr(network, "non_expansive", False):
        raise UserError(
            f"layer.lipschitz=1: must be below 1 with the network {NETWORKS.name_of(network)!r}, "
            "which is non-expansive, so that the fixed point is unique"
        )


def _validate_choice(registry: Registry, choice: Any) -> None:
    """The ranges of a registered class's parameters, then the rules that it has of its own."""
    with blaming(f"{registry.kind} {registry.name_of(choice)!r}", plainly=(ValueError,)):
        check_parameters(choice)
        getattr(choice, "validate", lambda: None)()
