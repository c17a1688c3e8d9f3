"""The iteration z ← T(z) in segments, of which the backward pass recomputes all but the last."""

from __future__ import annotations

from torch import Tensor

from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.recomputation import Recomputation, repeatable


def iterate_in_segments(
    layer: FixedPointMap, z: Tensor, steps: int, length: int
) -> tuple[Tensor, Tensor]:
    """The last two of z and its `steps` >= 1 iterates, recorded; z and they are (N, C, H, W).

    length: of a segment, 0 for one of all steps. What the backward pass needs is stored of the
    last segment; of each other one its first iterate, from which it is computed again. The first
    segment is the shorter one, as it is the last one that costs no recomputation.
    """
    if not 0 < length < steps:
        return _iterate(layer, z, steps)
    recomputation = Recomputation()
    with repeatable(z.device):
        while steps > length:
            count = steps % length or length
            z, steps = _recomputed(layer, z, count, recomputation), steps - count
        return _iterate(layer, z, steps)


def _recomputed(
    layer: FixedPointMap, z: Tensor, count: int, recomputation: Recomputation
) -> Tensor:
    # The same values without the graph before them, which the recomputation does not go into.
    start = z.detach().requires_grad_(z.requires_grad)
    return recomputation.record(
        lambda: _iterate(layer, z, count)[1], lambda: _iterate(layer, start, count)
    )


def _iterate(layer: FixedPointMap, z: Tensor, count: int) -> tuple[Tensor, Tensor]:
    image = z
    for _ in range(count):
        z, image = image, layer(image)
    return z, image
