"""What cannot be made becomes a sentence in the report, never the loss of the report."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

from bench.errors import UserError, named_line, printable

Made = TypeVar("Made")
LONGEST = 300  # characters of a reason


def attempted(
    what: str, make: Callable[[], Made], problems: list[str], *, verb: str = "made"
) -> Made | None:
    """Return what `make` returns, or None where it fails; `problems` then says why.

    A mistake of the user and a file that cannot be written are raised, for they are no fault of
    the numbers.
    """
    try:
        with quiet():
            return make()
    except (UserError, OSError):
        raise
    except Exception as error:  # whatever a library raises on numbers that it did not expect
        problems.append(f"{what} could not be {verb}: {printable(named_line(error), LONGEST)}")
        return None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep from the terminal what libraries warn about and log while they work on the records."""
    loggers = [logging.getLogger(name) for name in ("matplotlib", "fontTools")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
