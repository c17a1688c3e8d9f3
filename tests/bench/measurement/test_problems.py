"""Every method on problems whose y is no blurred image of the same size."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.config.overrides import compose_config
from bench.measurement.run import measure
from bench.records import RunRecord
from bench.registry import METHODS
from problems.operators.inverse import regularised_inverse
from tests.support.soaked import only
from tests.support.tiny_runs import number

pytestmark = pytest.mark.usefixtures("short_timings")

TINY = (
    "device=cpu",
    "problem.size=16",
    "layer.blocks=1",
    "train.steps=2",
    "train.crops=8",
    "train.batch_size=2",
    "evaluate.validation_images=2",
    "evaluate.images=2",
)
CHEAP = {
    "tv": ("method.iterations=5", "method.tune_images=2"),
    "pnp_admm": ("method.iterations=3", "method.tune_images=1", "method.denoiser_steps=2"),
}
PROBLEMS = {
    "inpainting": ("problem=inpainting",),
    "super_resolution": ("problem=super_resolution",),
    "valid": ("problem=motion", "problem.kernel_size=5", "problem.boundary=valid"),
    "replicate": ("problem=gaussian", "problem.kernel_size=5", "problem.boundary=replicate"),
}
FAST = {
    *(("super_resolution", method) for method in METHODS.names()),
    *(("valid", method) for method in ("jfb", "tv", "dncnn")),
    *(("inpainting", method) for method in ("jfb", "pnp_admm", "deepinv_jfb")),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))


def made(problem: str, method: str, *overrides: str) -> RunRecord:
    settings = (*PROBLEMS[problem], *TINY, *CHEAP.get(method, ()), *overrides)
    return measure(compose_config([f"method={method}", *settings]))


EVERY_CASE = only(FAST, itertools.product(PROBLEMS, METHODS.names()))


@pytest.mark.parametrize("case", EVERY_CASE, ids="-".join)
def test_every_method_completes_on_every_problem(case: tuple[str, str]) -> None:
    problem, method = case
    record = made(problem, method)
    assert record.row["status"] == "completed", record.row.get("message")
    assert record.samples is not None
    assert record.samples.observed.shape == record.samples.reconstruction.shape == (2, 1, 16, 16)
    assert np.isfinite(number(record, "psnr_observed"))
    assert np.isfinite(number(record, "validation_psnr_observed"))


@pytest.mark.parametrize("problem", only({"super_resolution", "valid"}, PROBLEMS))
def test_the_proximal_layer_trains_in_colour(problem: str) -> None:
    record = made(problem, "jfb", "layer=deprox", "problem.channels=3")
    assert record.row["status"] == "completed", record.row.get("message")
    assert number(record, "forward_converged_fraction") == 1
    assert number(record, "layer_contraction") < 1


@pytest.mark.parametrize("problem", ["inpainting", "super_resolution"])
def test_observed_images_are_y_or_made_from_it(problem: str) -> None:
    config = compose_config(["method=jfb", *PROBLEMS[problem], *TINY])
    record = measure(config)
    samples, physics = record.samples, config.problem.physics()
    assert samples is not None
    clean = torch.from_numpy(samples.clean)
    observed = config.problem.observe(physics, clean, config.seed, "test_noise")
    if problem == "super_resolution":
        observed = regularised_inverse(physics, observed)
    np.testing.assert_allclose(samples.observed, observed.numpy(), atol=1e-5)
    psnr = -10 * np.log10(np.square(observed.numpy() - samples.clean).mean((1, 2, 3)))
    np.testing.assert_allclose(samples.psnr_observed, psnr, atol=1e-2)
