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
    """The best tensor of each sample, of a sequence of batches (N, ...).

    A row is copied only once the next batch is no improvement, which is rare in a solve.
    """

    def __init__(self, start: Tensor) -> None:
        self._kept, self._owned = start, False
        self._latest, self._is_latest = start, [False] * len(start)

    def update(self, improved: Sequence[bool], batch: Tensor) -> None:
        """Take over the samples of `batch` that are `improved`."""
        self._keep([latest and not new for latest, new in zip(self._is_latest, improved, strict=True)])
        self._latest = batch
        self._is_latest = [
            new for new in improved
        ]

    def result(self) -> Tensor:
        """The best of each sample."""
        if all(self._is_latest):
            return self._latest
        self._keep(self._is_latest)
        return self._kept

    def _keep(self, which: Sequence[bool]) -> None:
        if not any(which):
            return
        if not self._owned:
            self._kept, self._owned = self._kept.clone(), True
        for index, chosen in enumerate(which):
            if chosen:
                self._kept[index].copy_(self._latest[index])
