"""One thing of this process that a method has to leave as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Switch:
    """One thing to be left as it was; restore: puts a value back, where that is possible.

    lazily: whether the first use of a library may change it, on import.
    """

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object] | None = None
    lazily: bool = False
