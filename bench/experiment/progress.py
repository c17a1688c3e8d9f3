"""The live display of a command: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class ProgressDisplay:
    """How much of `total` is done: a bar called `title`, and a line for each part that ended."""

    def __init__(self, total: int, title: str, console: Console | None = None) -> None:
        self.total, self.done = total, 0
        self.console = console or Console(stderr=True, soft_wrap=True, highlight=False)
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.overall = self.bars.add_task(title, total=total, note="")

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def say(self, line: str) -> None:
        """Print a line; nothing in it is markup."""
        self.console.print(line, markup=False)

    def advance(self, parts: Iterable[str] = (), note: str = "") -> None:
        """One more is done; the parts that are not empty make its line: `[3/9] a, b`."""
        self.done += 1
        self.bars.update(self.overall, completed=self.done, note=note)
        if line := ", ".join(filter(None, parts)):
            self.say(f"[{self.done}/{self.total}] {line}")
