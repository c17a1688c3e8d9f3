"""Numbers that a method reports of its own, beside those that the suite measures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_reported: dict[str, Any] | None = None  # of the training step that is under way
LONGEST_NAME = 100  # characters
MOST_NAMES = 50  # in a step: more would be a table, not metrics


def report_metric(name: str, value: Any) -> None:
    """Keep `value` under `name` for the training step that is under way, in `results.metrics`.

    value: a number, or a tensor of one element, which is read after the step and so does not hold
    up a GPU. To be called from the forward or the backward pass; the last value of a step counts.
    What is reported outside of a training step (warm-up, evaluation, memory, `bench check`) is
    dropped. Raises ValueError for a name that is empty, not printable or longer than 100
    characters or the 51st of a step, and TypeError for a value that is not a number.
    """
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"report_metric: {str(name)[:LONGEST_NAME]!r} is not a name")
    try:
        # A clone: the method may go on writing into its own.
        value = value.detach().clone().reshape(()) if hasattr(value, "detach") else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise TypeError(f"report_metric: the value of {name!r} is not one number") from error
    if _reported is None:
        return
    if name not in _reported and len(_reported) == MOST_NAMES:
        raise ValueError(f"report_metric: a step has at most {MOST_NAMES} metrics")
    _reported[name] = value


@contextmanager
def collected_metrics() -> Iterator[dict[str, Any]]:
    """What is reported inside, by name: numbers, and tensors of one element."""
    global _reported  # a backward pass runs in threads of autograd, so that no context would do
    before, _reported = _reported, {}
    try:
        yield _reported
    finally:
        _reported = before
