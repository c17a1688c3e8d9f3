"""What every table, figure and comparison starts from: records with labels, targets and times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bench.errors import UserError, suggestion
from bench.records import COMPLETED, Results
from reports.data.disturbance import disturbed
from reports.data.images import image_values, seeds_by_images
from reports.data.labels import with_labels, with_workloads
from reports.data.noise import NoiseFloor
from reports.data.pool import Pool
from reports.data.repeats import with_repeats
from reports.data.targets import (
    DEFAULT_TARGET,
    named_target,
    reconstruction_target,
    resolve_target,
    validation_observed,
    validation_psnr,
)
from reports.data.times import reconstruction_times, training_times
from reports.stats.aggregate import Array

DEFAULT_REFERENCE = "jfb"


@dataclass(frozen=True)
class Dataset:
    """The records of a results folder, with all that is derived from them once.

    runs: in reporting order, with label and legend; of training target (dB), below, reached and
    first_reached (s), evaluations_to_target and vjps_to_target; of reconstruction the same with
    `image_`, and image_iterations. NaN for a run that does not train, or has no reconstruction
    track. disturbed: whether the calibrations of a run say so. curve_psnr and curve_observed (dB):
    of the images that curves and targets are read on.
    target and image_target: as words, such as tv+0; reference: the method that absolute scores are
    relative to, "" if none; floor: the noise floor of times.
    """

    results: Results
    target: str
    image_target: str
    reference: str
    runs: pd.DataFrame
    floor: NoiseFloor

    @classmethod
    def of(
        cls, results: Results, target: str = DEFAULT_TARGET, reference: str | None = None
    ) -> Dataset:
        """Derive everything from `results`.

        target: one of `reports.data.targets.FORMS`; reference: jfb if it is there. Raises
        UserError if the target is not understood, or the reference not among the methods.
        """
        runs = results.runs
        target = named_target(runs, target)
        image_target = reconstruction_target(target)
        level, image_level = (resolve_target(runs, each) for each in (target, image_target))
        times = training_times(runs, results.curves, np.asarray(level, np.float64))
        image_times = reconstruction_times(
            runs, results.reconstructions, np.asarray(image_level, np.float64)
        )
        floor = with_repeats(NoiseFloor.read(results.experiment), results, level)
        judged = runs.assign(
            curve_psnr=validation_psnr(runs), curve_observed=validation_observed(runs)
        )
        labelled = with_labels(with_workloads(judged)).merge(times, on="run_id", how="left")
        labelled = labelled.merge(image_times, on="run_id", how="left")
        return cls(
            results=results,
            target=target,
            image_target=image_target,
            reference=_reference(reference, labelled["legend"]),
            runs=labelled.assign(disturbed=disturbed(labelled, floor)),
            floor=floor,
        )

    @property
    def trained(self) -> pd.DataFrame:
        """The runs with a time to the target, reached or censored."""
        return self.runs[self.runs["below"].notna()]

    @property
    def legends(self) -> list[str]:
        """The methods in reporting order, failed ones included."""
        return list(dict.fromkeys(self.runs["legend"]))

    @cached_property
    def pool(self) -> Pool:
        """All methods over all workloads, as scores compare them."""
        observed = image_values(self.runs, self.results.images, "psnr_observed")
        return Pool.of(self.runs, self.image_psnr - observed, self.reference)

    @cached_property
    def image_psnr(self) -> Array:
        """The PSNR (dB) of each run's test images, (runs, images); NaN where there is none."""
        return image_values(self.runs, self.results.images, "psnr")

    def seeds_by_images(self, group: pd.DataFrame) -> Array:
        """Return the PSNR (dB) of the test images of some of the runs, (seeds, images).

        A single column of means where the runs have no images.
        """
        means = group["psnr"].where(group["status"] == COMPLETED).to_numpy(np.float64)
        return seeds_by_images(means, self.image_psnr[group.index])

    def paired_by_seed(self, group: pd.DataFrame, seeds: Sequence[int]) -> Array:
        """Return the PSNR (dB) of some of the runs, (seeds, images) for these seeds.

        NaN for a seed without a completed run. A single column of means where there are no images.
        """
        done = group[group["status"] == COMPLETED].drop_duplicates("seed")
        values = self.seeds_by_images(done)
        found = np.full((len(seeds), values.shape[1]), np.nan)
        found[np.searchsorted(seeds, done["seed"])] = values
        return found


def _reference(wanted: str | None, legends: pd.Series[str]) -> str:
    methods = list(dict.fromkeys(legends))
    if wanted is None or not methods:
        return DEFAULT_REFERENCE if DEFAULT_REFERENCE in methods else ""
    if wanted not in methods:
        raise UserError(
            f"reference {wanted!r} is not in the results: {suggestion(wanted, methods)}"
        )
    return wanted
