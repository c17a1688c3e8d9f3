"""The interface of a callback: what it is told of a run, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunInfo:
    """Which run it is, and where its callback may write.

    row: the columns of the record that are known before (run_id, problem, size, layer, method,
    seed, …); config: all settings as plain values; folder: of this callback and run alone, made. An
    earlier attempt at the same run may have left files in it.
    """

    row: Mapping[str, object]
    config: Mapping[str, Any]
    folder: Path


class Callback:
    """Is told of a run in the run's own process, outside every clock of training.

    Subclasses are dataclasses, whose fields are the parameters, and define what they need of these
    functions. One that raises is not called again in the run, which goes on. What is drawn from the
    global generators is undone.
    """

    def validate(self) -> None:
        """Raise UserError or ValueError if it cannot work here; called before any run starts."""

    def on_start(self, run: RunInfo) -> None:
        """The run is about to start, at its beginning or from a checkpoint."""

    def on_evaluation(self, point: Mapping[str, Any]) -> None:
        """The validation images were reconstructed; `point` is a row of `curves`, without run_id.

        step, train_seconds (s), loss, psnr (dB), ssim, residual, …: `bench.load_results(folder)
        .describe("curves")` has them all. The first point is that of step 0, whose loss is NaN.
        Methods that do not train have no points.
        """

    def on_end(self, row: Mapping[str, Any]) -> None:
        """The run has ended and its record is on disk; `row` is its row of `runs`.

        status tells how. It is not called for a run that was killed or cancelled.
        """
