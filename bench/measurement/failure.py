"""Why a run or a measurement failed, and what its record says of that."""

from __future__ import annotations

import torch

from bench.errors import first_line, named_line


class Diverged(Exception):
    """The loss of a training was not finite."""


class OutOfTime(BaseException):
    """A run is asked to write down what it has; no plug-in is to catch this.

    Its text is the message of the record.
    """


def describe_failure(error: BaseException) -> tuple[str, str]:
    """The status of a run or measurement that raised `error`, and its message on one line."""
    if isinstance(error, OutOfTime):
        return "timeout", first_line(error)
    if isinstance(error, Diverged):
        return "diverged", first_line(error)
    if is_out_of_memory(error):
        return "out_of_memory", first_line(error)
    if isinstance(error, SystemExit):
        return "error", f"the code of the run called exit({error.code!r})"[:500]
    return "error", named_line(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on any device."""
    # On a CPU PyTorch has no exception of its own for it.
    on_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return on_cpu or isinstance(error, MemoryError | torch.OutOfMemoryError)
