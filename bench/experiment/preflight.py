"""What can be found wrong with the images before the first run is started."""

from __future__ import annotations

from collections.abc import Sequence

from bench.config.plain import from_plain, parameters_of
from bench.config.settings import GROUPS
from bench.experiment.spec import RunSpec


def check_images(specs: Sequence[RunSpec]) -> None:
    """Cut one crop of each picture that a run may need; raises UserError, naming the file.

    Each different source, size and number of channels is tried once.
    """
    seen = set()
    for spec in specs:
        config = from_plain(spec.config)
        size, channels = getattr(config.problem, "size", 0), getattr(config.problem, "channels", 1)
        source = (GROUPS["images"].name_of(config.images), str(parameters_of(config.images)))
        if not size or (key := (*source, size, channels)) in seen:
            continue
        seen.add(key)
        limits = {"train": config.train.crops, "test": config.evaluate.images}
        for (part, limit), files in zip(limits.items(), config.images.split(channels), strict=True):
            config.images.crops(part, min(len(files), limit), size, channels, 0)
