"""The table of the larger test pictures, reconstructed with the final weights."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd

from reports.data.dataset import Dataset
from reports.data.differences import difference
from reports.data.grouping import GROUP, WORKLOAD, completed, quality, rows_of_groups
from reports.data.images import image_values
from reports.data.spread import spread
from reports.format import NONE, TIMES, counted
from reports.stats.aggregate import Array
from reports.tables import cells
from reports.tables.cells import FIRST, PSNR
from reports.tables.table import Table

LEAST = 8  # pictures, for an interval over them
CAPTION = (
    "Test pictures larger than the images of training, reconstructed with the final weights: their "
    "mean quality, ± one standard deviation over seeds. Difference: of the mean PSNR from that of "
    "{reference}, paired by seed and picture, with a 95 % interval over seeds and pictures; better "
    "or worse: the interval excludes 0, also at the level at which all verdicts of the table hold "
    f"together. Of fewer than {LEAST} pictures there is no interval."
)


def pictures_table(dataset: Dataset) -> Table:
    """Return a row per workload and method whose runs reconstructed pictures."""
    pictures, runs = dataset.results.pictures, completed(dataset.runs)
    runs = runs[runs["run_id"].isin(pictures["run_id"])].reset_index(drop=True)
    numbered = pictures.rename(columns={"picture": "image"})
    psnr = image_values(runs, numbered, "psnr")
    groups = [group for _, group in runs.groupby(GROUP, sort=False)]
    against = partial(_against, runs, psnr, dataset.reference, max(len(groups) - 1, 1))
    numbers = rows_of_groups(runs, lambda group: _numbers(group, pictures) | against(group))
    head = f"difference from {dataset.reference or 'a reference'} (dB)"
    columns = {
        **FIRST,
        "pictures": lambda row: f"{row['pictures']}",
        "pixels": cells.text("pixels"),
        **PSNR,
        "gain (dB)": cells.rounded("gain_mean", 2),
        "SSIM": cells.mean_and_deviation("ssim", 3),
        head: cells.with_interval("difference", 2),
        "verdict": lambda row: str(row["verdict"]) or NONE,
        "seeds": lambda row: f"{row['seeds']}",
    }
    caption = CAPTION.format(reference=dataset.reference or "a reference")
    return Table("pictures", numbers, columns, caption)


def _numbers(group: pd.DataFrame, pictures: pd.DataFrame) -> dict[str, object]:
    own = pictures[pictures["run_id"].isin(group["run_id"])]
    of_run = own.groupby("run_id")[["psnr", "ssim", "psnr_observed"]].mean()
    measured = {"psnr": of_run["psnr"], "ssim": of_run["ssim"]}
    measured["gain"] = of_run["psnr"] - of_run["psnr_observed"]
    found = {name: spread(values) for name, values in measured.items()}
    return {
        "seeds": len(group),
        "pictures": own["picture"].nunique(),
        "pixels": _sizes(own),
        **{f"{name}_{end}": getattr(found[name], end) for name in found for end in ("mean", "std")},
        "unconverged": quality(group)["unconverged"],
    }


def _sizes(own: pd.DataFrame) -> str:
    """Return the sizes of pictures in words: one, or how many there are."""
    sizes = own[["width", "height"]].drop_duplicates()
    if len(sizes) == 1:
        return TIMES.join(map(str, sizes.iloc[0]))
    return counted(len(sizes), "size")


def _against(
    runs: pd.DataFrame, psnr: Array, reference: str, comparisons: int, group: pd.DataFrame
) -> dict[str, object]:
    """Return the difference of a group from the reference on the same workload."""
    first = group.iloc[0]
    alike = (runs[WORKLOAD] == first[WORKLOAD]).all(axis=1) & (runs["legend"] == reference)
    own, base = _places(group), _places(runs[alike])
    seeds = sorted(own.keys() & base.keys()) if first["legend"] != reference else []
    values = psnr[[own[seed] for seed in seeds]] - psnr[[base[seed] for seed in seeds]]
    values = values[:, np.isfinite(values).all(axis=0)]
    if not values.size or values.shape[1] < LEAST:
        mean = float(values.mean()) if values.size else math.nan
        return _difference(mean, math.nan, math.nan, "")
    found = difference(values, comparisons)
    interval = found.interval
    return _difference(interval.estimate, interval.low, interval.high, found.verdict)


def _places(runs: pd.DataFrame) -> dict[int, int]:
    """Return the row of each seed's run in the array of PSNR."""
    return dict(zip(runs["seed"], runs.index, strict=True))


def _difference(mean: float, low: float, high: float, verdict: str) -> dict[str, object]:
    ends = {"difference_low": low, "difference_high": high}
    return {"difference": mean, **ends, "verdict": verdict}
