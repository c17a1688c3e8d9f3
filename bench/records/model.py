"""What a run leaves behind, in memory, and the names of its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.errors import UserError
from bench.records.schema import (
    CURVE_COLUMNS,
    IMAGE_COLUMNS,
    MEMORY_COLUMNS,
    METRIC_COLUMNS,
    PICTURE_COLUMNS,
    RECONSTRUCTION_COLUMNS,
    STEP_COLUMNS,
)

EXPERIMENT, PLAN, RUNS, GRADIENTS = "experiment.yaml", "plan.json", "runs", "gradients.csv"
ROW, SAMPLES, PICTURES = "record.json", "samples.npz", "pictures.npz"
REPEATS = "repeats"  # a results folder inside that of a grid: repeats of one of its runs
# Field of a record -> its file and columns.
TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "curve": ("curve.csv", CURVE_COLUMNS),
    "steps": ("steps.csv", STEP_COLUMNS),
    "reconstruction": ("reconstruction.csv", RECONSTRUCTION_COLUMNS),
    "memory": ("memory.csv", MEMORY_COLUMNS),
    "images": ("images.csv", IMAGE_COLUMNS),
    "pictures": ("pictures.csv", PICTURE_COLUMNS),
    "metrics": ("metrics.csv", METRIC_COLUMNS),
}
Rows = list[dict[str, object]]


class DamagedRecord(UserError):
    """A record that cannot be trusted; the message names the file and the reason."""


@dataclass(frozen=True)
class Samples:
    """A few reconstructions as they were judged; images (n, C, H, W) float32, PSNR (n,) in dB."""

    clean: np.ndarray[Any, Any]
    observed: np.ndarray[Any, Any]
    reconstruction: np.ndarray[Any, Any]
    psnr: np.ndarray[Any, Any]
    psnr_observed: np.ndarray[Any, Any]


@dataclass(frozen=True)
class RunRecord:
    """One run: its scalar row, its tables (may be empty), optionally a few reconstructions.

    curve: evaluation points; steps: training steps; reconstruction: iteration budgets; memory:
    forward iterations; images: test images; pictures: larger ones; metrics: what the method
    reported of its own. The columns are those of bench.records.schema. Of picture_samples, the
    pixels are rounded to 8 bits, the PSNR is not.
    """

    row: dict[str, object]
    curve: Rows = field(default_factory=list)
    samples: Samples | None = None
    steps: Rows = field(default_factory=list)
    reconstruction: Rows = field(default_factory=list)
    memory: Rows = field(default_factory=list)
    images: Rows = field(default_factory=list)
    metrics: Rows = field(default_factory=list)
    pictures: Rows = field(default_factory=list)
    picture_samples: Samples | None = None
