"""The callbacks of one run, in its process: each is told of it until it raises."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.callbacks.base import Callback, RunInfo
from bench.errors import named_line
from bench.execution.order import Order
from bench.experiment.callbacks import make_callback
from bench.experiment.files import make_callback_folder
from bench.measurement.failure import OutOfTime
from bench.measurement.reproducibility import generators_kept


class RunCallbacks:
    """Those that an order names; what one of them raises is a line in the run's log."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._told: dict[str, Callback] = {}

    def on_start(self, known: Mapping[str, object]) -> None:
        """Make them and tell them of the run; known: the columns of its record so far."""
        results, run_id = self._order.results, self._order.run_id
        for label in self._order.callbacks:
            with self._guarded(label, "on_start"):
                name, callback = make_callback(label)
                folder = make_callback_folder(results, name, run_id)
                callback.on_start(RunInfo(dict(known), self._order.config, folder))
                self._told[label] = callback

    def on_evaluation(self, point: Mapping[str, Any]) -> None:
        """Tell them of a row of the curve."""
        for label, callback in list(self._told.items()):
            with self._guarded(label, "on_evaluation"):
                callback.on_evaluation(dict(point))

    def on_end(self, row: Mapping[str, Any]) -> None:
        """Tell them of the row of the record."""
        for label, callback in list(self._told.items()):
            with self._guarded(label, "on_end"):
                callback.on_end(dict(row))

    @contextmanager
    def _guarded(self, label: str, event: str) -> Iterator[None]:
        """Keep the global generators as they are, and the run from whatever is raised."""
        try:
            with generators_kept(str(self._order.config["device"])):
                yield
        except (KeyboardInterrupt, OutOfTime):
            raise
        except BaseException as error:  # a plug-in may raise anything
            self._told.pop(label, None)
            what = f"callback {label}: {event} raised {named_line(error)}"
            print(f"warning: {what}; it is not called again", file=sys.stderr)
