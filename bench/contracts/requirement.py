"""How a check says no, also under `python -O`."""

from __future__ import annotations


class ContractViolation(AssertionError):
    """A property does not hold; the message is the reason, one line."""


class NotStated(Exception):
    """A property says nothing about this method, because of what the method states of itself."""


def require(condition: bool, reason: str) -> None:
    """Raise ContractViolation unless the condition holds."""
    if not condition:
        raise ContractViolation(reason)
