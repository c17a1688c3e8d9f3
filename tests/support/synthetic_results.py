"""A results folder of the size of a cluster's: ten thousand runs, with all tables that runs have.

`python -m tests.support.synthetic_results FOLDER [SEEDS]` writes one; with 91 seeds it has 10,010
runs, of which 9,100 train and have a curve of 50 points and 300 steps each. The numbers are laws
with noise of a fixed seed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.records import (
    CONFIGURATIONS,
    Plan,
    RunRecord,
    Samples,
    write_experiment,
    write_plan,
    write_record,
)

PROBLEMS = ("gaussian", "motion")
SIZES = (16, 24, 32, 48, 64)
SEEDS = 91
STEPS, POINTS = 300, 50
IMAGES = 64  # of the test part
ITERATIONS = (1, 2, 5, 10, 20, 50)
MEASURED = (5, 10, 20)  # forward iterations at which memory was measured
# Method and its parameters: final PSNR (dB), seconds per step.
METHODS: dict[tuple[str, str], tuple[float, float]] = {
    ("jfb", "{}"): (34.0, 0.03),
    ("ift", "{}"): (35.0, 0.08),
    ("phantom", '{"steps": 3}'): (34.4, 0.045),
    ("phantom", '{"steps": 5}'): (34.5, 0.06),
    ("neumann", '{"terms": 3}'): (34.3, 0.05),
    ("neumann", '{"terms": 5}'): (34.6, 0.065),
    ("shine", "{}"): (34.2, 0.04),
    ("unrolling", '{"steps": 10}'): (34.1, 0.06),
    ("unrolling", '{"steps": 30}'): (34.8, 0.15),
    ("dncnn", "{}"): (29.0, 0.02),
    ("tv", "{}"): (33.0, 0.0),
}
WITHOUT_LAYER = {"dncnn": "feedforward", "tv": "variational"}
OBSERVED = 25.0


def write_synthetic(folder: Path, seeds: int = SEEDS) -> Path:
    """Write the runs of every problem, size, method and seed, their experiment and their plan."""
    plan = Plan()
    for record, name, config in synthetic_records(seeds):
        write_record(folder, record)
        plan.configurations[name] = {"method": record.row["method"], "config": config}
        plan.runs[str(record.row["run_id"])] = (name, int(str(record.row["seed"])))
    experiment = {
        "started_at": "2026-01-01T12:00:00+00:00",
        "machine": {"platform": "Linux", "cpu": "a processor", "logical_cores": 2},
        "versions": {"python": "3.11", "torch": "2.12.1"},
        "noise_floor": {"relative": 0.03, "pairs": 3, "device": "cpu", "num_threads": 1},
        CONFIGURATIONS: plan.configurations,
    }
    write_experiment(folder / "experiment.yaml", experiment)
    write_plan(folder, plan)
    return folder


def synthetic_records(seeds: int) -> Iterator[tuple[RunRecord, str, dict[str, object]]]:
    """Yield each run with the name and content of its configuration."""
    random = np.random.default_rng(0)
    for problem in PROBLEMS:
        for size in SIZES:
            kept = _samples(size, random)
            for number, (method, parameters) in enumerate(METHODS):
                name = f"{problem}-{size}-{number}"
                for seed in range(seeds):
                    row = _row(problem, size, method, parameters, seed, random)
                    row["run_id"] = f"{problem}-{size}-{method}-s{seed}-{number:08x}"
                    record = RunRecord(row, *_tables(row, kept, random), _images(row, random))
                    yield record, name, _config(problem, size, method, parameters)


def _row(
    problem: str, size: int, method: str, parameters: str, seed: int, random: np.random.Generator
) -> dict[str, object]:
    final, pace = METHODS[method, parameters]
    trained, implicit = pace > 0, method not in WITHOUT_LAYER
    seconds = STEPS * pace * (size / 32) ** 2 * random.lognormal(0, 0.02)
    row: dict[str, object] = {
        "problem": problem,
        "size": size,
        "noise_sigma": 0.01,
        "layer": "degrad" if implicit else "",
        "method": method,
        "method_params": parameters,
        "family": WITHOUT_LAYER.get(method, "gradient"),
        "seed": seed,
        "status": "completed",
        "psnr": final + random.normal(0, 0.3),
        "ssim": 0.9 + random.normal(0, 0.005),
        "psnr_observed": OBSERVED + random.normal(0, 0.1),
        "validation_psnr": final + random.normal(0, 0.3),
        "validation_psnr_observed": OBSERVED,
        "fingerprint": "0123456789ab",
        "calibration_before": 0.01 * random.lognormal(0, 0.01),
        "calibration_after": 0.01 * random.lognormal(0, 0.01),
        "eval_seconds": 1.5,
        "setup_seconds": 0.1,
        "wall_seconds": 1.4 * seconds + 3,
        "reconstruct_seconds_per_image": 0.004 * random.lognormal(0, 0.02),
        "forward_converged_fraction": 1.0 if implicit else None,
        "peak_memory_bytes": 2e7 * (size / 32) ** 2,
        "peak_memory_source": "live_tensors",
        "device": "cpu",
        "num_threads": 1,
        "started_at": f"2026-01-{1 + seed % 28:02d}T{seed % 24:02d}:00:00+00:00",
        "log_path": "",
        "concurrency": 1,
    }
    if not trained:
        return {**row, "tune_seconds": 2.0}
    parts = {"data": 0.05, "forward": 0.6, "backward": 0.3, "optimiser": 0.05}
    phases = {f"{name}_seconds": seconds * part for name, part in parts.items()}
    work = {"steps": STEPS, "forward_evaluations": 20.0 * STEPS, "vjps": 1.0 * STEPS}
    return {**row, **phases, **work, "train_seconds": seconds, "warm_up_seconds": 0.2}


Rows = list[dict[str, object]]


def _tables(
    row: dict[str, object], kept: Samples, random: np.random.Generator
) -> tuple[Rows, Samples, Rows, Rows, Rows]:
    final, size = float(str(row["psnr"])), int(str(row["size"]))
    reconstruction: Rows = [
        {
            "iterations": count,
            "seconds_per_image": 0.004 * count / ITERATIONS[-1],
            "psnr": final - 8 * (1 - count / ITERATIONS[-1]) ** 2,
        }
        for count in ITERATIONS
    ]
    if "train_seconds" not in row:
        return [], kept, [], reconstruction, []
    pace, noise = float(str(row["train_seconds"])) / STEPS, random.normal(0, 0.05, STEPS)
    curve: Rows = [
        {
            "step": step,
            "train_seconds": step * pace,
            "forward_evaluations": 20.0 * step,
            "vjps": 1.0 * step,
            "loss": -final,
            "psnr": final - (final - OBSERVED) * float(np.exp(-step / 40)) + noise[step - 1],
            "ssim": 0.9,
            "residual": 1e-4,
            "gradient_norm": 0.5,
        }
        for step in range(STEPS // POINTS, STEPS + 1, STEPS // POINTS)
    ]
    steps: Rows = [
        {
            "step": step,
            "train_seconds": step * pace,
            "loss": -final + noise[step - 1],
            "forward_residual": 1e-4 * float(np.exp(noise[step - 1])) if row["layer"] else None,
            "forward_evaluations": 20.0 * step,
            "vjps": 1.0 * step,
        }
        for step in range(1, STEPS + 1)
    ]
    slope = 5.0 if row["method"] == "unrolling" else 0.0
    memory: Rows = [
        {
            "forward_iterations": count,
            "batch_size": 8,
            "peak_memory_bytes": (20 + slope * count) * 8e3 * size**2,
        }
        for count in MEASURED
        if row["layer"]
    ]
    return curve, kept, steps, reconstruction, memory


def _images(row: dict[str, object], random: np.random.Generator) -> Rows:
    """The images differ by the same in every run, and by a little more in each."""
    levels = 3 * np.cos(np.arange(IMAGES)) + random.normal(0, 0.3, IMAGES)
    psnr = float(str(row["psnr"])) + levels - levels.mean()
    return [{"image": at, "psnr": float(psnr[at]), "ssim": 0.9} for at in range(IMAGES)]


def _samples(size: int, random: np.random.Generator) -> Samples:
    clean, observed, reconstruction = random.random((3, 3, 1, size, size))
    return Samples(clean, observed, reconstruction, np.full(3, 34.0), np.full(3, OBSERVED))


def _config(problem: str, size: int, method: str, parameters: str) -> dict[str, object]:
    return {
        "method": {"name": method, "parameters": json.loads(parameters)},
        "problem": {"name": problem, "parameters": {"size": size, "noise_sigma": 0.01}},
        "forward": {"solver": "anderson", "tolerance": 1e-4, "max_iterations": 100},
        "train": {"steps": STEPS, "batch_size": 8, "learning_rate": 0.005},
    }


if __name__ == "__main__":
    write_synthetic(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SEEDS)
