"""Networks for images whose sides are multiples of a number, for images of any size."""

from __future__ import annotations

from torch import Tensor, nn


class Padded(nn.Module):
    """A network applied to images that are padded to a multiple of pixels, and cut back."""

    def __init__(self, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.network, self.multiple = network, multiple

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if all(side % self.multiple == 0 for side in x.shape[-2:]):
            image: Tensor = self.network(x)
            return image
        from deepinv.models.utils import test_pad

        padded: Tensor = test_pad(self.network, x, modulo=self.multiple)
        return padded
