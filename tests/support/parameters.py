"""Parameters, checked as the suite checks them."""

from __future__ import annotations

from typing import Any

from bench.config.parameters import check_parameters


def validate(instance: Any) -> None:
    """Raise ValueError for a parameter out of its range, or by the rules of the class itself."""
    check_parameters(instance)
    if hasattr(instance, "validate"):
        instance.validate()
