"""What a run imports sooner or later, imported once by the server that runs are forked from."""

from __future__ import annotations

import importlib

from bench.registry import load_builtins

SOONER_OR_LATER = (
    "bench.launcher",
    "bench.worker",
    "deepinv.loss.metric",
    "deepinv.models",
    "deepinv.optim",
    "deepinv.physics.generator",
    "methods.networks.denoiser",
    "methods.solvers.adjoint",
    "methods.solvers.tuning",
    "torchmetrics.functional.image",  # it comes with deepinv's SSIM
)

for name in SOONER_OR_LATER:
    importlib.import_module(name)
load_builtins()
