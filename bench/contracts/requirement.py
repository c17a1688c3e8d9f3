"""How a check fails, also under `python -O`."""

from __future__ import annotations


class ContractViolation(AssertionError):
    """A property does not hold; the message is the reason, one line."""


class NotStated(Exception):
    """A property does not apply to the method, because of the formula that the method states."""


def require(condition: bool, reason: str) -> None:
    """Raise ContractViolation unless the condition holds."""
    if not condition:
        raise ContractViolation(reason)
