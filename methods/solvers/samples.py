"""What concerns each sample of a batch on its own: a choice, a scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def select(chosen: Sequence[bool], these: Tensor, others: Tensor) -> Tensor:
    """The samples of `these` where `chosen`, of `others` elsewhere; both (N, ...)."""
    if all(chosen):
        return these
    if not any(chosen):
        return others
    mask = torch.tensor(chosen, device=these.device).view(-1, *[1] * (these.ndim - 1))
    return torch.where(mask, these, others)


def binary_scale(batch: Tensor) -> Tensor:
    """The power of two, shaped (N, 1, ...), by which the largest entry of a sample is in [1, 2).

    Squares of what is divided by it neither underflow nor overflow, and no bit is lost. It is 1
    for a sample that is zero or not finite.
    """
    largest = batch.flatten(1).abs().amax(1)
    scale = torch.ldexp(torch.ones_like(largest), torch.frexp(largest).exponent - 1)
    scale = torch.where((largest > 0) & largest.isfinite(), scale, 1)
    return scale.view(-1, *[1] * (batch.ndim - 1))


class BestSoFar:
    """The best of each sample in a sequence of batches (N, ...).

    A sample is copied only when a batch is no improvement on the one before, which is rare.
    """

    def __init__(self, start: Tensor) -> None:
        self._kept, self._is_own = start, False
        self._latest, self._in_latest = start, [False] * len(start)

    def update(self, improved: Sequence[bool], batch: Tensor) -> None:
        """Take the samples of `batch` that are better than all before."""
        overtaken = zip(self._in_latest, improved, strict=True)
        self._keep([latest and not better for latest, better in overtaken])
        self._latest, self._in_latest = batch, list(improved)

    def result(self) -> Tensor:
        """The best of each sample; of the start where no batch was better."""
        if all(self._in_latest):
            return self._latest
        self._keep(self._in_latest)
        return self._kept

    def _keep(self, which: Sequence[bool]) -> None:
        if any(which) and not self._is_own:
            self._kept, self._is_own = self._kept.clone(), True
        for index, chosen in enumerate(which):
            if chosen:
                self._kept[index].copy_(self._latest[index])
