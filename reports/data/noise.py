"""The noise floor of an experiment, and which times it makes indistinguishable."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.format import counted, plain, printable
from reports.stats.noise import Noise

MARK = "≈"
UNKNOWN = (
    "The noise floor of this machine was not measured: small differences in time may be noise."
)


@dataclass(frozen=True)
class NoiseFloor:
    """The relative difference below which two single executions are indistinguishable.

    It counts only for runs of the device and number of threads that it was measured with.
    """

    relative: float = math.nan
    device: str = ""
    num_threads: float = math.nan
    pairs: int | None = None

    @classmethod
    def read(cls, experiment: Mapping[str, Any]) -> NoiseFloor:
        """Return the floor that experiment.yaml states; unknown where it states none."""
        stated = experiment.get("noise_floor")
        if not isinstance(stated, Mapping) or not 0 <= _number(stated.get("relative")) < 10:
            return cls()
        relative, threads = _number(stated["relative"]), _number(stated.get("num_threads"))
        pairs = stated.get("pairs")
        pairs = pairs if isinstance(pairs, int) else None
        return cls(relative, str(stated.get("device")), threads, pairs)

    @property
    def known(self) -> bool:
        """Whether a floor was measured."""
        return math.isfinite(self.relative)

    def counts_for(self, runs: pd.DataFrame) -> pd.Series[bool]:
        """Return which runs are of the device and number of threads of the measurement."""
        return (runs["device"] == self.device) & (runs["num_threads"] == self.num_threads)

    def of(self, runs: pd.DataFrame) -> float:
        """Return the relative floor for times of these runs; NaN unless it counts for all."""
        return self.relative if len(runs) and self.counts_for(runs).all() else math.nan

    def noise_of(self, measure: str, runs: pd.DataFrame) -> Noise:
        """TEMPORARY."""
        relative = self.of(runs)
        if not math.isfinite(relative) or not self.pairs:
            return Noise()
        return Noise(math.log1p(relative) / 1.96, self.pairs)

    def describe(self, runs: pd.DataFrame) -> str:
        """Return the floor and what it counts for in a few sentences."""
        if not self.known:
            return UNKNOWN
        how = f" in {counted(self.pairs, 'interleaved pair')}" if self.pairs is not None else ""
        return (
            f"The noise floor is {100 * self.relative:.1f} %: two executions of the same run, made"
            f"{how} before the grid, differ in time by less than this in 95 of 100 cases. For a "
            f"mean over n seeds it is divided by √n. {MARK} marks times that are indistinguishable "
            f"from the best time of their column.{self._exceptions(runs)}"
        )

    def _exceptions(self, runs: pd.DataFrame) -> str:
        others = int((~self.counts_for(runs)).sum())
        if not others:
            return ""
        threads = f" with {plain(self.num_threads)} threads" if self.num_threads > 0 else ""
        return (
            f" It was measured on {printable(self.device)}{threads} and does not count for the "
            f"{counted(others, 'run')} on another device or with another number of threads."
        )


def ties_with_best(
    values: Iterable[float], seeds: Iterable[int], floors: Iterable[float]
) -> list[bool]:
    """Return which values (seconds, means over `seeds`) are indistinguishable from the least.

    floors: of a single execution of each, NaN where unknown; that of a mean over n seeds is 1/√n
    of it. Where no other value is near the least, the least is not marked either.
    """
    rows = list(zip(values, seeds, floors, strict=True))
    positive = [row for row in rows if math.isfinite(row[0]) and row[0] > 0]
    best, _, best_floor = min(positive, default=(math.nan, 0, math.nan))
    near = [
        math.isfinite(best_floor) and 0 < value <= best * (1 + floor / math.sqrt(max(count, 1)))
        for value, count, floor in rows
    ]
    return near if sum(near) > 1 else [False] * len(near)


def _number(value: object) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable else math.nan  # type: ignore[arg-type]
