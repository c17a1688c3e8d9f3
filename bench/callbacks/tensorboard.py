"""TensorBoard: the curves of a run while it trains, and its results beside its settings."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.callbacks.base import Callback, RunInfo
from bench.config.parameters import parameter
from bench.errors import UserError
from bench.registry import register_callback

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SCALARS = {
    "psnr": "validation/psnr",
    "ssim": "validation/ssim",
    "loss": "training/loss",
    "residual": "training/residual",
    "gradient_norm": "training/gradient_norm",
    "train_seconds": "training/seconds",
}
SETTINGS = ("problem", "size", "noise_sigma", "layer", "network", "method", "seed")
RESULTS = ("psnr", "ssim", "train_seconds", "peak_memory_bytes", "reconstruct_seconds_per_image")


@register_callback("tensorboard")
@dataclass
class TensorBoard(Callback):
    """TensorBoard event files: curves by step, and final results in the HParams tab.

    Source: tensorboard, by `torch.utils.tensorboard`.
    """

    flush_seconds: int = parameter(10, at_least=1)  # at most, until a point is on disk

    def validate(self) -> None:
        """Raise UserError where TensorBoard is not installed."""
        if importlib.util.find_spec("tensorboard") is None:
            raise UserError(
                "the callback 'tensorboard' requires TensorBoard: "
                "pip install 'implicit-bench[tensorboard]'"
            )

    def on_start(self, run: RunInfo) -> None:
        """Import what takes a second; the file is opened at the first point."""
        from torch.utils.tensorboard import SummaryWriter

        self._run = run
        self._open = partial(SummaryWriter, str(run.folder), flush_secs=self.flush_seconds)
        self._writer: SummaryWriter | None = None

    def on_evaluation(self, point: Mapping[str, Any]) -> None:
        """Write the numbers of a point that are finite."""
        step = int(point["step"])
        # A later attempt at the run begins at an earlier step: points from there on are replaced.
        self._writer = self._writer or self._open(purge_step=step)
        for name, tag in SCALARS.items():
            if math.isfinite(point[name]):
                self._writer.add_scalar(tag, point[name], step)

    def on_end(self, row: Mapping[str, Any]) -> None:
        """Write what the run came to, beside its settings."""
        writer = self._writer or self._open()
        results = {f"test/{name}": row[name] for name in RESULTS if math.isfinite(row[name])}
        step = int(row["steps"]) if row["steps"] > 0 else 0
        # In the folder of the run itself, where the curves are.
        writer.add_hparams(self._settings(), results, run_name=".", global_step=step)
        writer.close()

    def _settings(self) -> dict[str, Any]:
        row = self._run.row
        parameters = json.loads(str(row["method_params"]))
        known = {name: row[name] for name in SETTINGS if row[name] is not None}
        own = {f"method.{name}": value for name, value in parameters.items()}
        allowed = (bool, int, float, str)
        return {
            name: value if isinstance(value, allowed) else json.dumps(value)
            for name, value in {**known, **own}.items()
        }
