"""The live display of `bench gradients`: a bar on a terminal, a line per method."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.experiment.grid import RunSpec
from bench.records import COMPLETED


class StudyProgress:
    """Shows what is measured now and how much is done; a line for each method and budget."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        self._total, self._done = total, 0
        self._console = console or Console(stderr=True, soft_wrap=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> StudyProgress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def prepare(self, spec: RunSpec, state: str) -> None:
        """The weights and the reference gradient of a case are being made."""
        self._bar.update(self._task, description=f"{_place(spec, state)}: weights, reference")

    def start(self, spec: RunSpec, state: str) -> None:
        """A method is being measured."""
        self._bar.update(self._task, description=f"{_place(spec, state)} {spec.method}")

    def finish(
        self, spec: RunSpec, state: str, rows: Sequence[dict[str, object]], *, kept: bool = False
    ) -> None:
        """A method has been measured, or was found measured; `rows` are its tolerances."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        words = [f"[{self._done}/{self._total}] {_place(spec, state)} {spec.method}:"]
        words += [_outcome(rows)] + (["(kept from before)"] if kept else [])
        self._console.print(" ".join(words), markup=False)


def _place(spec: RunSpec, state: str) -> str:
    problem, layer = spec.config["problem"], spec.config["layer"]
    size = problem["parameters"].get("size", "")
    words = [problem["name"], str(size), layer["name"], f"seed {spec.config['seed']}", state]
    return " ".join(filter(None, words))


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
