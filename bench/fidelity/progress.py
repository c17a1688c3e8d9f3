"""The live display of `bench gradients`: a bar on a terminal, a line for each method."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from bench.experiment.progress import ProgressDisplay
from bench.experiment.spec import RunSpec
from bench.records import COMPLETED


class StudyProgress(ProgressDisplay):
    """Shows what is measured now and how much is done; a line for each method and budget."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        super().__init__(total, "", console)

    def prepare(self, spec: RunSpec, state: str) -> None:
        """The weights and the reference gradient of a case are being made."""
        case = " ".join([*filter(None, spec.place), f"seed {spec.seed}", state])
        self.bars.update(self.overall, description=f"{case}: weights, reference")

    def start(self, spec: RunSpec, state: str) -> None:
        """A method is being measured."""
        self.bars.update(self.overall, description=f"{spec.title} {state}")

    def finish(
        self, spec: RunSpec, state: str, rows: Sequence[dict[str, object]], *, kept: bool = False
    ) -> None:
        """A method has been measured, or was found measured; `rows` are its tolerances."""
        note = " (from an earlier command)" if kept else ""
        self.advance([f"{spec.title} {state}: {_outcome(rows)}{note}"])


def _outcome(rows: Sequence[dict[str, object]]) -> str:
    """The failure if there is one, else the result at the tightest tolerance, the last."""
    for row in rows:
        if row["status"] != COMPLETED:
            return f"{row['status']}: {row['message']}"
    last = {name: float(str(rows[-1][name])) for name in ("cosine", "relative_error")}
    milliseconds = 1000 * float(str(rows[-1]["backward_seconds"]))
    return (
        f"cosine {last['cosine']:.4f}, relative error {last['relative_error']:.1e}, "
        f"backward {milliseconds:.1f} ms"
    )
