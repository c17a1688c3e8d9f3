"""The photographs that the scikit-image wheel ships: no download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config.parameters import parameter
from bench.errors import UserError
from bench.registry import register_images
from problems.images.base import ImageSource, resize_short_side

if TYPE_CHECKING:
    from PIL import Image

# Left out are drawings, text, test patterns, microscopy, medical and telescope pictures, a picture
# that is blurred already (clock_motion), and the second view of the motorcycle.
GREY = {
    "train": ("brick.png", "grass.png", "moon.png"),
    "test": ("camera.png", "coins.png", "gravel.png"),
}
COLOUR = {
    "train": ("astronaut.png", "coffee.png", "motorcycle_left.png"),
    "test": ("chelsea.png", "rocket.jpg"),
}


@register_images("natural")
@dataclass(frozen=True)
class Natural(ImageSource):
    """Eleven photographs of scikit-image, reduced so that a crop shows a fixed part of the picture.

    The short side becomes field_of_view × size pixels (antialiased; pictures are enlarged only
    where they are smaller than the crop), so that crops of 32 pixels show objects and not a patch
    of sky. Grey problems use all eleven (6 train, 5 test), colour ones the five in colour.
    """

    field_of_view: float = parameter(4.0, at_least=1)

    def split(self, channels: int) -> tuple[Sequence[Path], Sequence[Path]]:
        """The training and the test photographs."""
        folder = _data_folder()
        train, test = (
            [folder / name for name in (*COLOUR[part], *(GREY[part] if channels == 1 else ()))]
            for part in ("train", "test")
        )
        return train, test

    def fit(self, picture: Image.Image, size: int) -> Image.Image:
        """The picture with its short side at field_of_view × size, or at its own if smaller."""
        wanted = min(round(self.field_of_view * size), min(picture.size))
        return resize_short_side(picture, max(wanted, size))


def _data_folder() -> Path:
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise UserError("images=natural: needs scikit-image (pip install scikit-image)")
    return Path(spec.origin).parent / "data"
