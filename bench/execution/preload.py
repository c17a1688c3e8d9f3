"""What a run imports sooner or later, imported once by the server that runs are forked from."""

from __future__ import annotations

import importlib

from bench.plugins import load_builtins

SOONER_OR_LATER = (
    "bench.execution.launcher",
    "bench.measurement.run",
    "deepinv.loss.metric",
    "deepinv.models",
    "deepinv.optim",
    "deepinv.physics.generator",
    "methods.solvers.adjoint",
    "methods.training.denoiser",
    "methods.training.tuning",
)

for name in SOONER_OR_LATER:
    importlib.import_module(name)
load_builtins()
