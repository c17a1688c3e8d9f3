"""The noise floor of each measure of an experiment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from scipy import stats

from reports.format import counted, listed, plain, printable
from reports.stats.noise import Noise

MARK = "≈"
UNKNOWN = (
    "The noise floor of this machine was not measured: small differences in time may be noise."
)
NAMES: dict[str, str] = {
    "step": "a training step",
    "target": "the time to the target",
    "image": "the time of an image",
}
_NORMAL = 1.96  # by which older floors, which do not say their kind, multiplied the deviation


@dataclass(frozen=True)
class MeasuredNoise(Noise):
    """The noise of a measure; quick: from short runs before the grid, which see no drift."""

    quick: bool = True

    @classmethod
    def of_floor(cls, relative: object, freedom: float, quantile: float) -> MeasuredNoise:
        """Return the noise whose floor is `relative`, with ln(1 + relative) / quantile in it."""
        floor = _number(relative)
        if not 0 <= floor < 10:
            return cls()
        return cls(math.log1p(floor) / quantile, freedom)

    @property
    def margin(self) -> float:
        """The floor as a difference of logarithms."""
        return math.log1p(self.floor)


@dataclass(frozen=True)
class NoiseFloor:
    """The relative differences below which two single executions are indistinguishable.

    They count only for runs of the device, number of threads and machine that they were measured
    with. note: why full-length repeats, which are there, were not used.
    """

    measures: Mapping[str, MeasuredNoise] = field(default_factory=dict)
    device: str = ""
    num_threads: float = math.nan
    fingerprint: str = ""
    pairs: int | None = None
    note: str = ""

    @classmethod
    def read(cls, experiment: Mapping[str, Any]) -> NoiseFloor:
        """Return the floor that experiment.yaml states; unknown where it states none."""
        stated = experiment.get("noise_floor")
        if not isinstance(stated, Mapping):
            return cls()
        pairs = stated.get("pairs")
        pairs = pairs if isinstance(pairs, int) and pairs > 0 else None
        freedom = float(pairs or math.inf)
        old = pairs is not None and "kind" not in stated
        quantile = _NORMAL if old else float(stats.t.ppf(0.975, freedom))
        given = stated.get("measures")
        floors = {**(given if isinstance(given, Mapping) else {}), "step": stated.get("relative")}
        names: tuple[str, ...] = ("step", "image", "calibration")
        found = {
            name: MeasuredNoise.of_floor(floors.get(name), freedom, quantile) for name in names
        }
        known = {name: noise for name, noise in found.items() if noise.known}
        if not known:
            return cls()
        device, threads = str(stated.get("device")), _number(stated.get("num_threads"))
        return cls(known, device, threads, str(stated.get("fingerprint") or ""), pairs)

    def repeated(self, measures: Mapping[str, MeasuredNoise], runs: pd.DataFrame) -> NoiseFloor:
        """Return the floors of full-length repeats, `runs` of one machine, besides those here.

        What the repeats do not tell stays if it was measured under the same conditions.
        """
        own = runs.iloc[0]
        kept = self.measures if self.counts_for(runs).all() else {}
        return replace(
            self,
            measures={**kept, **measures},
            device=str(own["device"]),
            num_threads=float(own["num_threads"]),
            fingerprint=str(own["fingerprint"]),
        )

    def of_measure(self, measure: str) -> MeasuredNoise:
        """Return the noise of `step`, `target`, `image` or `calibration`; unknown: NaN."""
        return self.measures.get(measure, MeasuredNoise())

    @property
    def relative(self) -> float:
        """The floor of the time of a training step; NaN if unknown."""
        return self.of_measure("step").floor

    @property
    def known(self) -> bool:
        """Whether any floor was measured."""
        return bool(self.measures)

    def counts_for(self, runs: pd.DataFrame) -> pd.Series[bool]:
        """Return which runs are of the device, threads and fingerprint of the measurement.

        Fingerprints are compared where both are stated.
        """
        same = (runs["device"] == self.device) & (runs["num_threads"] == self.num_threads)
        if not self.fingerprint or "fingerprint" not in runs:
            return same
        return same & runs["fingerprint"].isin(["", self.fingerprint])

    def of(self, runs: pd.DataFrame, measure: str = "step") -> float:
        """Return the relative floor for times of these runs; NaN unless it counts for all."""
        return self.noise_of(measure, runs).floor

    def noise_of(self, measure: str, runs: pd.DataFrame) -> Noise:
        """Return the noise of a measure of these runs; unknown unless it counts for all."""
        counts = len(runs) and self.counts_for(runs).all()
        return self.of_measure(measure) if counts else Noise()

    def describe(self, runs: pd.DataFrame) -> str:
        """Return the floors, how they were found and what they count for, in a few sentences."""
        note = f" {self.note}" if self.note else ""
        if not self.known:
            return UNKNOWN + note
        stated = {name: self.of_measure(name) for name in NAMES}
        parts = [f"{100 * n.floor:.1f} % for {NAMES[at]}" for at, n in stated.items() if n.known]
        unknown = [NAMES[name] for name, noise in stated.items() if not noise.known]
        missing = f" It is unknown for {' and '.join(unknown)}." if unknown else ""
        return (
            f"The noise floor is {', '.join(parts)}: two executions of the same run differ by less "
            f"than this in 95 of 100 cases.{missing} {' '.join(self._how(stated))} For a mean over "
            f"n seeds it is divided by √n. {MARK} marks times that cannot be told apart from the "
            "best time of their column: the 95 % interval of their ratio over seeds, from this "
            "noise and the deviations of all methods, does not exclude 1. A ? says that nothing is "
            f"known of the noise.{self._exceptions(runs)}{note}"
        )

    def _how(self, stated: Mapping[str, MeasuredNoise]) -> Iterable[str]:
        known = {name: noise for name, noise in stated.items() if noise.known}
        full = [name for name, noise in known.items() if not noise.quick]
        quick = [name for name, noise in known.items() if noise.quick]
        if full:
            count = round(max(known[name].freedom for name in full)) + 1
            which = f" for {listed([NAMES[name] for name in full], 3)}" if quick else ""
            yield f"It was measured by {count} full-length repeats of one run{which}."
        if quick:
            which = f" for {listed([NAMES[name] for name in quick], 3)}" if full else ""
            pairs = counted(self.pairs, "interleaved pair") if self.pairs else "pairs"
            yield (
                f"It is a quick estimate{which}, of {pairs} of short runs before the grid: drift "
                "over the grid is not in it."
            )

    def _exceptions(self, runs: pd.DataFrame) -> str:
        others = int((~self.counts_for(runs)).sum())
        if not others:
            return ""
        threads = f" with {plain(self.num_threads)} threads" if self.num_threads > 0 else ""
        return (
            f" It was measured on {printable(self.device)}{threads} and does not count for the "
            f"{counted(others, 'run')} on another device or machine, or with another number of "
            "threads."
        )


def _number(value: object) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable else math.nan  # type: ignore[arg-type]
