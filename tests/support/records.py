"""Synthetic records: seven methods by two seeds, one run that failed and one that is censored.

The numbers are laws, not measurements, so that tests can say what a statistic must come to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.records import RunRecord, Samples, write_experiment, write_record

OBSERVED = 25.0
GRADIENT_METHODS = ("jfb", "ift", "phantom", "unrolling")
METHODS = (*GRADIENT_METHODS, "dncnn", "pnp_admm", "tv")
FAMILIES = {
    **dict.fromkeys(GRADIENT_METHODS, "gradient"),
    "dncnn": "feedforward",
    "pnp_admm": "plug_and_play",
    "tv": "variational",
}
FINAL_PSNR = {
    "jfb": 34.0,
    "ift": 35.0,
    "phantom": 34.5,
    "unrolling": 34.8,
    "dncnn": 28.5,  # never gains 5 dB: censored
    "pnp_admm": 32.5,
    "tv": 33.0,
}
SECONDS_PER_STEP = {"jfb": 0.1, "ift": 0.3, "phantom": 0.15, "unrolling": 0.5, "dncnn": 0.05}
MEBIBYTES = {"jfb": 20.0, "ift": 24.0, "phantom": 36.0, "unrolling": 160.0, "dncnn": 30.0}
MILLISECONDS = {"dncnn": 0.8, "pnp_admm": 14.0, "tv": 6.0}
PARAMETERS = {**dict.fromkeys(GRADIENT_METHODS, 5691), "dncnn": 56097, "pnp_admm": 14225}
MEGAFLOPS = {**dict.fromkeys(GRADIENT_METHODS, 24.0), "dncnn": 114.0, "pnp_admm": 1156.0}
COSINES = {"jfb": 0.8, "ift": 1.0, "phantom": 0.9, "unrolling": 0.95}
STEPS = range(0, 101, 10)
# Of the training time: data, forward, backward, optimiser.
PHASES = {"data": 0.05, "forward": 0.6, "backward": 0.3, "optimiser": 0.05}
ITERATIONS = {"dncnn": (1,), "pnp_admm": (1, 5, 20, 40), "tv": (1, 10, 100, 300)}
IMAGES = 4  # of the test part
FAILED = ("unrolling", 1)

FINGERPRINT = "0123456789ab"
CALIBRATION = 0.01  # seconds, of every run

EXPERIMENT: dict[str, object] = {
    "name": "synthetic",
    "started_at": "2026-01-01T12:00:00+00:00",
    "command": "bench run --methods all --problem motion",
    "commit": "0123abc",
    "machine": {"platform": "Linux", "cpu": "a processor", "logical_cores": 2},
    "versions": {"python": "3.11", "torch": "2.12.1"},
    "config": {"train": {"steps": 100}},
    "noise_floor": {
        "relative": 0.0824,
        "pairs": 3,
        "seconds": 1.2,
        "device": "cpu",
        "num_threads": 1,
        "measured_at": "2026-01-01T12:00:00+00:00",
        "kind": "quick estimate",
        "measures": {"step": 0.0824, "image": 0.0824, "calibration": 0.04},
        "fingerprint": FINGERPRINT,
    },
}


def run_row(
    method: str = "jfb",
    seed: int = 0,
    *,
    problem: str = "motion",
    size: int = 32,
    layer: str = "degrad",
    params: Mapping[str, object] | None = None,
    **changes: object,
) -> dict[str, object]:
    """Return the row of a completed run; seed s adds s dB to the PSNR. `changes` override."""
    layer = layer if method in GRADIENT_METHODS else ""
    params = params or {}
    suffix = "".join(f"-{key}-{value}" for key, value in params.items())
    trained = method in SECONDS_PER_STEP
    row: dict[str, object] = {
        "run_id": f"{problem}-{size}-{layer or 'none'}-{method}{suffix}-s{seed}",
        "problem": problem,
        "size": size,
        "noise_sigma": 0.01,
        "layer": layer,
        "method": method,
        "method_params": json.dumps(params),
        "family": FAMILIES.get(method, "gradient"),
        "seed": seed,
        "status": "completed",
        "psnr": FINAL_PSNR.get(method, 33.0) + seed,
        "ssim": 0.9,
        "psnr_observed": OBSERVED,
        "validation_psnr": FINAL_PSNR.get(method, 33.0) + seed,
        "validation_psnr_observed": OBSERVED,
        "train_seconds": 100 * SECONDS_PER_STEP[method] if trained else None,
        "reconstruct_seconds_per_image": MILLISECONDS.get(method, 4.0) / 1000,
        "steps": 100 if trained else None,
        "forward_converged_fraction": 1.0 if layer else None,
        "peak_memory_bytes": MEBIBYTES.get(method, 10.0) * 2**20,
        "peak_memory_source": "live_tensors",
        "parameters": PARAMETERS.get(method),
        "flops_per_image": 1e6 * MEGAFLOPS[method] if method in MEGAFLOPS else None,
        "gradient_cosine": COSINES.get(method),
        "gradient_relative_error": (2 - 2 * COSINES[method]) ** 0.5 if layer else None,
        "gradient_norm_ratio": 1.0 if layer else None,
        "device": "cpu",
        "num_threads": 1,
        "fingerprint": FINGERPRINT,
        "load_average": 0.4 + 0.1 * seed,
        "tune_seconds": 2.0 if method == "tv" else None,
        "denoiser_train_seconds": 9.0 if method == "pnp_admm" else None,
        "started_at": f"2026-01-01T12:{5 * seed + METHODS.index(method) % 5:02d}:00+00:00"
        if method in METHODS
        else "",
        "wall_seconds": 130 * SECONDS_PER_STEP.get(method, 0.1),
        "warm_up_seconds": 2 * SECONDS_PER_STEP[method] if trained else None,
        "compile_seconds": 0.01 if trained else None,
    }
    if trained:
        row |= {f"{name}_seconds": row["train_seconds"] * part for name, part in PHASES.items()}  # type: ignore[operator]
    return {**row, **changes}


def curve(method: str, seed: int = 0, *, last_step: int = 100) -> list[dict[str, object]]:
    """Return the curve of a trained method: PSNR rises from the observed to the final one."""
    final = FINAL_PSNR.get(method, 33.0) + seed
    pace = SECONDS_PER_STEP.get(method)
    if pace is None:
        return []
    return [
        {
            "step": step,
            "train_seconds": step * pace,
            "loss": math.exp(-step / 20),
            "forward_evaluations": 10.0 * step if method in GRADIENT_METHODS else 0.0,
            "vjps": 1.0 * step if method in GRADIENT_METHODS else 0.0,
            "psnr": final - (final - OBSERVED) * math.exp(-step / 20),
            "ssim": 0.9,
        }
        for step in STEPS
        if step <= last_step
    ]


def steps(method: str, *, last_step: int = 100) -> list[dict[str, object]]:
    """Return a row per training step; the forward residual halves every 20 steps."""
    pace = SECONDS_PER_STEP.get(method)
    if pace is None:
        return []
    implicit = method in GRADIENT_METHODS
    return [
        {
            "step": step,
            "train_seconds": step * pace,
            "loss": math.exp(-step / 20),
            "forward_residual": 1e-3 * 0.5 ** (step / 20) if implicit else None,
            "adjoint_residual": 1e-2 if method == "ift" else None,
            "forward_evaluations": 10.0 * step if implicit else 0.0,
            "vjps": 1.0 * step if implicit else 0.0,
        }
        for step in range(1, last_step + 1)
    ]


def reconstruction(method: str, seed: int = 0) -> list[dict[str, object]]:
    """Return a row per iteration budget: the distance to the final PSNR halves five times."""
    final = FINAL_PSNR.get(method, 33.0) + seed
    budgets = ITERATIONS.get(method, (1, 2, 5, 10))
    whole = MILLISECONDS.get(method, 4.0) / 1000
    last = budgets[-1]
    return [
        {
            "iterations": budget,
            "seconds_per_image": whole * budget / last,
            "psnr": final - 8.0 * (1 - budget / last),
        }
        for budget in budgets
    ]


def memory(method: str, size: int = 32) -> list[dict[str, object]]:
    """Return a row per number of forward iterations: flat, and linear for unrolling."""
    if method not in GRADIENT_METHODS:
        return []
    slope = 7.0 if method == "unrolling" else 0.0
    pixels = (size / 32) ** 2
    return [
        {
            "forward_iterations": count,
            "batch_size": 8,
            "peak_memory_bytes": pixels * (20.0 + slope * count) * 2**20,
        }
        for count in (5, 10, 20)
    ]


def samples(psnr: float, *, images: int = 2, size: int = 16, channels: int = 1) -> Samples:
    """Return images of shape (images, channels, size, size): a disc, darker in each next one."""
    rows, columns = np.mgrid[:size, :size] / size
    disc = ((rows - 0.5) ** 2 + (columns - 0.4) ** 2 < 0.1).astype(np.float32)
    clean = np.stack([np.stack([disc / (n + 1)] * channels) for n in range(images)])
    observed = (clean + np.roll(clean, 2, axis=3)) / 2
    return Samples(
        clean=clean,
        observed=observed,
        reconstruction=0.2 * observed + 0.8 * clean,
        psnr=np.full(images, psnr),
        psnr_observed=np.full(images, OBSERVED),
    )


def images(method: str, seed: int = 0) -> list[dict[str, object]]:
    """Return a row per test image; their mean is the final PSNR, and they differ by method."""
    final, rank = FINAL_PSNR.get(method, 33.0) + seed, sorted(FINAL_PSNR).index(method)
    rest = [
        0.1 * ((3 * rank + 2 * seed + (rank + seed + 1) * image) % 7) for image in range(IMAGES)
    ]
    return [
        {
            "image": image,
            "psnr": final + image - (IMAGES - 1) / 2 + rest[image] - sum(rest) / IMAGES,
            "ssim": 0.9,
            "psnr_observed": OBSERVED,
        }
        for image in range(IMAGES)
    ]


def pictures(psnr: float) -> list[dict[str, object]]:
    """Return a row for each of two test pictures."""
    sides, quality = {"height": 48, "width": 48}, {"psnr": psnr, "ssim": 0.9}
    named = enumerate(("rocket", "coins"))
    return [
        {"picture": at, "name": name, **sides, **quality, "psnr_observed": OBSERVED}
        for at, name in named
    ]


def metrics(method: str, seed: int = 0) -> list[dict[str, object]]:
    """Return what two methods report of their own: a scale that halves, and a share."""
    if method not in ("jfb", "phantom"):
        return []
    own = {"step scale": 0.5 + seed, "share_kept": 0.8}
    return [
        {"step": step, "name": name, "value": start * 0.5 ** (step / 20)}
        for step in STEPS
        for name, start in own.items()
    ]


def run_record(method: str = "jfb", seed: int = 0, **changes: object) -> RunRecord:
    """Return a completed run with its tables and samples; `changes` go to `run_row`."""
    calibrations = {"calibration_before": CALIBRATION, "calibration_after": CALIBRATION}
    row = run_row(method, seed, **{**calibrations, **changes})  # type: ignore[arg-type]
    return RunRecord(
        row,
        curve(method, seed),
        samples(float(str(row["psnr"]))),
        steps(method),
        reconstruction(method, seed),
        memory(method, int(str(row["size"]))),
        images(method, seed) if method in FINAL_PSNR else [],
        metrics(method, seed),
        pictures(float(str(row["psnr"]))),
        samples(float(str(row["psnr"])), size=48),
    )


def failed_record(method: str, seed: int, status: str = "out_of_memory") -> RunRecord:
    """Return a run that stopped after 40 of its 100 steps."""
    nothing = dict.fromkeys(("psnr", "ssim", "validation_psnr", "reconstruct_seconds_per_image"))
    row = run_row(method, seed, status=status, message="CUDA out of memory")
    return RunRecord(
        {**row, **nothing, "peak_memory_bytes": None},
        curve(method, seed, last_step=40),
        steps=steps(method, last_step=40),
    )


def write_results(folder: Path, *, seeds: int = 2, problem: str = "motion", size: int = 32) -> Path:
    """Write every method by every seed into `folder`, with the FAILED run, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_experiment(folder / "experiment.yaml", EXPERIMENT)
    for seed in range(seeds):
        for method in METHODS:
            record = run_record(method, seed, problem=problem, size=size)
            if (method, seed) == FAILED:
                record = failed_record(method, seed)
                record.row.update(problem=problem, size=size)
                record.row["run_id"] = f"{problem}-{size}-degrad-{method}-s{seed}"
            write_record(folder, record)
    return folder
