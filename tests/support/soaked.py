"""Which cases of a test `make test` runs, and which `make soak` alone."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import pytest


def only(fast: Container[Any], cases: Iterable[Any]) -> list[Any]:
    """All cases of a parameter, marked as part of `make soak` unless they are among `fast`."""
    return [case if case in fast else pytest.param(case, marks=pytest.mark.soak) for case in cases]
