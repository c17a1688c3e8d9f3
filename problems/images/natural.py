"""The photographs that come with scikit-image: no download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config.parameters import parameter
from bench.errors import UserError
from bench.registry import register_images
from problems.images.base import PARTS, ImageSource, Part, resize_short_side

if TYPE_CHECKING:
    from PIL import Image

# Left out: drawings, text, test patterns, microscopy, medical and telescope pictures, a picture
# that is already blurred (clock_motion), and the second view of the motorcycle. In grey, crops for
# validation and for test are equally hard: 25 dB under the default motion blur at 32 pixels.
GREY: dict[Part, tuple[str, ...]] = {
    "train": ("brick.png", "grass.png", "moon.png"),
    "validation": ("camera.png",),
    "test": ("coins.png", "gravel.png"),
}
COLOUR: dict[Part, tuple[str, ...]] = {
    "train": ("astronaut.png", "coffee.png", "motorcycle_left.png"),
    "validation": ("chelsea.png",),
    "test": ("rocket.jpg",),
}


@register_images("natural")
@dataclass(frozen=True)
class Natural(ImageSource):
    """Random crops of eleven photographs that come with scikit-image; no download.

    The short side of a picture is resized to field_of_view × size pixels (antialiased; enlarged
    only if it is smaller than the crop), so that crops of 32 pixels show objects, not a patch of
    sky. Colour problems use the five in colour: astronaut, coffee and motorcycle for training,
    chelsea (a cat) for validation, rocket for test. Grey problems use all eleven: brick, grass and
    moon join training (6), camera joins validation (2), coins and gravel join test (3).
    """

    field_of_view: float = parameter(4.0, at_least=1)

    def split(self, channels: int) -> tuple[Sequence[Path], ...]:
        """The photographs for training, validation and test."""
        folder = _data_folder()
        return tuple(
            [folder / name for name in (*COLOUR[part], *(GREY[part] if channels == 1 else ()))]
            for part in PARTS
        )

    def fit(self, picture: Image.Image, size: int) -> Image.Image:
        """The picture with a short side of field_of_view × size pixels, or its own if smaller."""
        wanted = min(round(self.field_of_view * size), min(picture.size))
        return resize_short_side(picture, max(wanted, size))


def _data_folder() -> Path:
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise UserError("images=natural: needs scikit-image (pip install scikit-image)")
    return Path(spec.origin).parent / "data"
