"""The bound of |M| from products alone, on matrices whose eigenvalues are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from problems.operators.square_norm import largest_ritz_value, square_norm_bound

LIKE = torch.zeros(1, 1, 40, 40, dtype=torch.float64)
SPECTRA = {
    "crowded": torch.linspace(0, 2, LIKE.numel(), dtype=torch.float64) ** 0.1,
    "one far above": torch.cat([torch.tensor([5.0]), torch.rand(LIKE.numel() - 1)]).double(),
    "identity": torch.ones(LIKE.numel(), dtype=torch.float64),
    "zero": torch.zeros(LIKE.numel(), dtype=torch.float64),
    "tiny": 1e-9 * torch.rand(LIKE.numel(), dtype=torch.float64),
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_bound_lies_between_the_norm_and_a_hundredth_above(name: str, dtype: torch.dtype) -> None:
    values = SPECTRA[name].to(dtype)
    bound = square_norm_bound(lambda x: x * values.view_as(x), LIKE.to(dtype))
    exact, rounding = float(values.max()), 1e-5 if dtype == torch.float32 else 1e-12
    assert exact * (1 - rounding) <= float(bound) <= exact * (1.0102 + rounding)


def test_ritz_value_is_never_above_the_norm_and_rises_with_the_steps() -> None:
    values = SPECTRA["crowded"]

    def product(x: Tensor) -> Tensor:
        return x * values.view_as(x)

    found = [largest_ritz_value(product, LIKE, steps) for steps in (1, 5, 20, 130)]
    assert found == sorted(found)
    assert found[0] < 0.97 * float(values.max()) < found[-1] <= float(values.max())


def test_the_margin_covers_what_the_steps_leave_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """After few steps the Ritz value is below the norm, and raised by 1 % it is above."""
    monkeypatch.setattr("problems.operators.square_norm.STEPS", 30)
    values = SPECTRA["crowded"]
    bound = square_norm_bound(lambda x: x * values.view_as(x), LIKE)
    ritz_value = largest_ritz_value(lambda x: x * values.view_as(x), LIKE, 30)
    assert ritz_value < float(values.max()) <= float(bound)
