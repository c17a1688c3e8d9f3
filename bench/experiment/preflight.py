"""What can be found wrong with the images before the first run is started."""

from __future__ import annotations

from collections.abc import Sequence

from bench.config.plain import from_plain, parameters_of
from bench.config.settings import GROUPS, RunConfig
from bench.errors import UserError, first_line
from bench.experiment.spec import RunSpec
from problems.images.base import Part, three_parts


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
        try:
            for part, files in three_parts(config.images.split(channels)).items():
                config.images.crops(part, min(len(files), _count(config, part)), size, channels, 0)
        except OSError as error:  # a folder without permission, a name that is too long
            raise UserError(f"images: {error.filename or ''}: {first_line(error)}") from error


def _count(config: RunConfig, part: Part) -> int:
    """How many crops of a part a run needs."""
    evaluate = config.evaluate
    counts = {"validation": evaluate.validation_images, "test": evaluate.images}
    return counts.get(part, config.train.crops)
