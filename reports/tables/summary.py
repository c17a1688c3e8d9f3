"""The summary: a row per workload, layer and method, with its spread over seeds."""

from __future__ import annotations

import math
import re

import pandas as pd

from reports.data.best import verdicts_on_quality
from reports.data.circumstances import notes_on_images, timing_notes
from reports.data.dataset import Dataset
from reports.data.grouping import (
    CONVERGED_ENOUGH,
    GROUP,
    WORKLOAD,
    completed,
    rows_of_groups,
    status_counts,
)
from reports.data.spread import spread
from reports.data.times import brackets, time_to_target
from reports.format import (
    MEBIBYTE,
    NONE,
    TIMES,
    counted,
    fixed,
    printable,
    terminal_lines,
    terminal_table,
)
from reports.stats.aggregate import Array
from reports.stats.intervals import crossed_interval, standard_errors
from reports.tables import cells
from reports.tables.cells import FIRST, PSNR, Write
from reports.tables.table import Judged, Table

CAPTION = (
    "± is one standard deviation over seeds, a spread and no interval. The 95 % interval of the "
    "mean PSNR is over seeds and test images: for other seeds, and other test crops of the same "
    "pictures. The errors are their shares in its standard error. ≈ marks a PSNR that cannot be "
    "told apart from the best of its workload: the interval of their difference, paired by seed "
    "and image, does not exclude 0; ? one of which nothing is known. The sections on training and "
    "reconstruction have details."
)
COLUMNS: dict[str, Write] = {
    "method": FIRST["method"],
    "PSNR (dB)": cells.against_best("psnr", PSNR["PSNR (dB)"]),
    **{head: FIRST[head] for head in ("problem", "size (px)", "layer")},
    "95 % interval (dB)": cells.bounds("psnr", 2),
    "error of seeds, images (dB)": lambda row: (
        f"{fixed(row['psnr_error_seeds'], 2)}, {fixed(row['psnr_error_images'], 2)}"
    ),
    "gain (dB)": cells.rounded("gain_mean", 2),
    "SSIM": cells.mean_and_deviation("ssim", 3),
    "training time (s)": cells.disturbed(cells.decimal("train_seconds_mean")),
    "time to target (s)": cells.disturbed(cells.time_to_target(seeds="seeds_trained")),
    "preparation time (s)": cells.decimal("preparation_seconds"),
    "peak memory (MiB)": cells.decimal("peak_memory_mib"),
    "time per image (ms)": cells.disturbed(cells.decimal("milliseconds_per_image")),
    "converged solves (%)": cells.percent("forward_converged_fraction"),
    "seeds": lambda row: f"{row['seeds']}/{row['runs']}",
    "status": cells.text("status"),
}


def summary_table(dataset: Dataset) -> Table:
    """Return the summary; means are over completed runs, failures are counted.

    `time_to_target` is the upper end of the median bracket (inf: censored; NaN: not trained),
    `time_to_target_above` its lower end.
    """
    numbers = rows_of_groups(dataset.runs, lambda group: _numbers(group, dataset))
    caption = f"Target: {dataset.target}. {CAPTION}"
    if numbers.empty:
        return Table("summary", numbers, COLUMNS, caption)
    numbers = numbers.assign(psnr_verdict=_against_best(numbers, dataset))
    notes = [
        *_footnotes(numbers),
        *notes_on_images(dataset.runs),
        *timing_notes(dataset.runs),
    ]
    judged = {"PSNR (dB)": Judged("psnr", lambda rows: _against_best(rows, dataset))}
    return Table("summary", numbers, COLUMNS, caption, notes, judged)


def terminal_summary(dataset: Dataset, made: Table | None = None) -> str:
    """Return the summary as aligned plain text for a terminal; `made`: its table, if it is made."""
    table = made or summary_table(dataset)
    if table.numbers.empty:
        return "no readable record"
    heading = terminal_lines(_headline(table.numbers, dataset.target, dataset.runs["kernel"]))
    aligned = terminal_table(_without_constants(table.cells))
    return "\n".join([*heading, "", aligned, *terminal_lines(*table.notes)])


def _numbers(group: pd.DataFrame, dataset: Dataset) -> dict[str, object]:
    done, trained = completed(group), group[group["below"].notna()]
    gained = done.assign(gain=done["psnr"] - done["psnr_observed"])
    found = {name: spread(gained[name]) for name in ("psnr", "gain", "ssim", "train_seconds")}
    converged = float(done["forward_converged_fraction"].min())
    return {
        "runs": len(group),
        "seeds": len(done),
        **{f"{name}_{end}": getattr(found[name], end) for name in found for end in ("mean", "std")},
        **_uncertainty(dataset.seeds_by_images(done)),
        **time_to_target(trained),
        "seeds_trained": len(trained),
        "seeds_reached": sum(not each.censored for each in brackets(trained)),
        "preparation_seconds": _preparation(done),
        "peak_memory_mib": spread(done["peak_memory_bytes"] / MEBIBYTE).mean,
        "peak_memory_source": ", ".join(sorted(set(done["peak_memory_source"]) - {""})),
        "milliseconds_per_image": 1000 * spread(done["reconstruct_seconds_per_image"]).mean,
        "forward_converged_fraction": converged,
        "unconverged": converged < CONVERGED_ENOUGH,
        "disturbed": bool(group["disturbed"].any()),
        "status": status_counts(group),
    }


def _against_best(numbers: pd.DataFrame, dataset: Dataset) -> pd.Series[str]:
    """Return the verdict on the PSNR of each method against the best of its workload."""
    groups = [group for _, group in dataset.runs.groupby(GROUP, sort=False)]
    parts = []
    for _, each in numbers.groupby(WORKLOAD, sort=False):
        seeds = sorted(set(pd.concat([groups[at]["seed"] for at in each.index])))
        tables = {n: dataset.paired_by_seed(groups[at], seeds) for n, at in enumerate(each.index)}
        found = verdicts_on_quality(tables, list(each["psnr_mean"]))
        parts.append(pd.Series(found, each.index, dtype="str"))
    return pd.concat(parts)


def _uncertainty(psnr: Array) -> dict[str, object]:
    """Return the interval of the mean PSNR (dB) and what seeds and images add to its error."""
    interval, (of_seeds, of_images) = crossed_interval(psnr), standard_errors(psnr)
    return {
        "psnr_low": interval.low,
        "psnr_high": interval.high,
        "psnr_error_seeds": of_seeds,
        "psnr_error_images": of_images,
        "images": psnr.shape[1] if psnr.shape[1] > 1 else 0,
    }


def _preparation(done: pd.DataFrame) -> float:
    """Tuning and denoiser training: paid once before the first image, and by no other method."""
    means = [spread(done[name]).mean for name in ("tune_seconds", "denoiser_train_seconds")]
    known = [mean for mean in means if not math.isnan(mean)]
    return sum(known) if known else math.nan


def _footnotes(numbers: pd.DataFrame) -> list[str]:
    """Return what the signs in the table mean, a line each."""
    notes = []
    if numbers["unconverged"].any():
        notes.append("! fixed point to which fewer than 95 % of the forward solves converged")
    if numbers["time_to_target"].map(math.isinf).any():
        notes.append(
            "> target not reached, or not kept, in the budget (seeds that kept it/trained seeds)"
        )
    if (numbers["seeds"] < 2).any():
        notes.append("no ± and no interval where a single run completed: too few seeds")
    if (numbers["images"] == 0).any():
        without = numbers.loc[numbers["images"] == 0, "legend"].nunique()
        notes.append(
            f"intervals are over seeds only, without the images, of {counted(without, 'method')} "
            "whose records do not have the quality of each test image"
        )
    return notes


def _headline(numbers: pd.DataFrame, target: str, kernels: pd.Series[float]) -> str:
    workloads = dict.fromkeys(
        f"{printable(problem)} {size}{TIMES}{size}"
        for problem, size in zip(numbers["problem"], numbers["size"], strict=True)
    )
    levels = sorted({f"{level:.1f}" for level in numbers["target_psnr"] if math.isfinite(level)})
    level = f" ({' to '.join([levels[0], *levels[1:][-1:]])} dB)" if levels else ""
    several = f"{counted(kernels.nunique(), 'kernel')}; " if kernels.nunique() > 1 else ""
    return f"{', '.join(workloads)}; {several}mean ± std over seeds; target {target}{level}"


def _without_constants(shown: pd.DataFrame) -> pd.DataFrame:
    """Leave out what is the same in every row, or explains another column, to save width."""
    constant = [name for name in ("problem", "size (px)") if shown[name].nunique() == 1]
    constant += ["error of seeds, images (dB)"]  # which the page has
    constant += ["layer"] if len(set(shown["layer"]) - {NONE}) < 2 else []
    if all(re.fullmatch(r"\d+ completed", status) for status in shown["status"]):
        constant.append("status")
    return shown.drop(columns=constant)
