"""The map T(.; y, θ) of one batch, which counts what it is used for."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from methods.networks.implicit_layer.batching import tangent_of, width


class FixedPointMap:
    """z -> T(z; y, θ), with y and the normalised weights bound; counts its evaluations and VJPs.

    evaluations: applications of T; vjps: products of a vector with the Jacobian of a recorded
    application, or with its transpose. What is computed for many vectors at once counts as many.
    samples: in a batch, None if any number of them counts as one.
    """

    def __init__(
        self, function: Callable[[Tensor], Tensor], bound: Tensor, samples: int | None = None
    ) -> None:
        self._function = function
        self.contraction_bound = bound
        self.samples = samples
        self.evaluations = 0
        self.vjps = 0

    def __call__(self, z: Tensor) -> Tensor:
        """T(z), (N, C, H, W) to the same shape."""
        self.evaluations += width(z, self.samples)
        tangent = tangent_of(z)
        if tangent is not None:
            self.count_product(tangent)
        value = self._function(z)
        if value.requires_grad:
            value.register_hook(self.count_product)
        return value

    def count_product(self, vector: Tensor) -> None:
        """Count a product of the Jacobian and `vector`; a hook of each recorded value calls it."""
        self.vjps += width(vector, self.samples)
