"""The columns of records, their types, and what makes a row valid."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping

import numpy as np

SCHEMA_VERSION = 7
# What is measured has no larger finite number (float32 ends at 3e38); its square is finite too.
MOST_NUMBER = 1e100
COMPLETED = "completed"
STATUSES = (COMPLETED, "out_of_memory", "diverged", "timeout", "error", "skipped")


def _each(dtype: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), dtype)


# Column -> pandas dtype; `bench.records.dictionary` says what each means. Counts that a failed run
# may lack are float64, so that they can be NaN. Parameters, versions and statuses are JSON objects
# as text ('{"steps": 3}'), so that a row stays scalar.
RUN_COLUMNS: dict[str, str] = {
    **_each("str", "run_id problem"),
    "size": "int64",
    "noise_sigma": "float64",
    **_each("str", "layer method method_params family"),
    "seed": "int64",
    **_each("str", "status message"),
    **_each("float64", "psnr ssim psnr_observed"),
    **_each("float64", "train_seconds train_cpu_seconds setup_seconds eval_seconds"),
    **_each("float64", "reconstruct_seconds_per_image steps forward_evaluations vjps"),
    **_each("float64", "forward_converged_fraction adjoint_converged_fraction peak_memory_bytes"),
    **_each("str", "peak_memory_source device"),
    "num_threads": "float64",
    "schema_version": "int64",
    **_each("str", "config_hash started_at"),
    **_each("float64", "layer_contraction tune_seconds denoiser_train_seconds"),
    "log_path": "str",
    **_each("float64", "data_seconds forward_seconds backward_seconds optimiser_seconds"),
    **_each("float64", "warm_up_seconds compile_seconds memory_seconds wall_seconds"),
    **_each("float64", "peak_reserved_bytes baseline_memory_bytes load_average"),
    **_each("str", "code_version library_versions device_name host"),
    **_each("float64", "concurrency resumptions checkpoint_seconds"),
    **_each("str", "forward_statuses adjoint_statuses tuned_parameters"),
    **_each("float64", "validation_psnr validation_psnr_observed kernel"),
    **_each("str", "fingerprint machine_identity"),
    **_each("float64", "calibration_before calibration_after"),
    **_each("str", "network problem_params layer_params network_params"),
    **_each("float64", "parameters flops_per_image"),
    **_each("float64", "gradient_cosine gradient_relative_error gradient_norm_ratio"),
}
# Of a loss or a PSNR infinity says that it diverged; of a time or a count it says nothing.
FINITE = (
    *("train_seconds", "seconds_per_image", "peak_memory_bytes", "forward_evaluations", "vjps"),
    *("forward_seconds", "backward_seconds", "tolerance"),
)
REQUIRED_RUN_COLUMNS = ("run_id", "problem", "size", "method", "seed", "status")

CURVE_COLUMNS: dict[str, str] = {
    "run_id": "str",
    "step": "int64",
    **_each("float64", "train_seconds forward_evaluations vjps loss psnr ssim"),
    **_each("float64", "residual gradient_norm adjoint_residual"),
}
# A row for every test image, in the order in which every run has them.
IMAGE_COLUMNS: dict[str, str] = {
    "run_id": "str",
    "image": "int64",
    **_each("float64", "psnr ssim psnr_observed"),
}
# A row for every test picture that was reconstructed, larger than the images of the problem.
PICTURE_COLUMNS: dict[str, str] = {
    "run_id": "str",
    "picture": "int64",
    "name": "str",
    **_each("int64", "height width"),
    **_each("float64", "psnr ssim psnr_observed"),
}
# A row for every training step; read on demand, since no table of a report needs all of them.
STEP_COLUMNS: dict[str, str] = {
    "run_id": "str",
    "step": "int64",
    **_each("float64", "train_seconds loss forward_residual adjoint_residual"),
    **_each("float64", "forward_evaluations vjps"),
}
# The track of reconstruction: what the method makes of the validation images in `iterations`.
RECONSTRUCTION_COLUMNS: dict[str, str] = {
    "run_id": "str",
    "iterations": "int64",
    **_each("float64", "seconds_per_image psnr"),
}
# What a method reports of its own during training: a row per `report_metric(name, value)`. A run
# that reported nothing has no such file. `name` is any text, `value` any number, also NaN or inf.
METRIC_COLUMNS: dict[str, str] = {
    "run_id": "str",
    "step": "int64",
    "name": "str",
    "value": "float64",
}
# The peak of one training step in which the forward pass makes `forward_iterations`.
MEMORY_COLUMNS: dict[str, str] = {
    "run_id": "str",
    **_each("int64", "forward_iterations batch_size"),
    "peak_memory_bytes": "float64",
}

# A row is one method, with one set of parameters, at one state of the weights and one forward
# tolerance (NaN: it does not use the forward solver). `state` is "initial" or "trained".
GRADIENT_COLUMNS: dict[str, str] = {
    **_each("str", "problem problem_params"),
    "size": "int64",
    **_each("str", "layer layer_params network network_params method method_params"),
    "seed": "int64",
    "state": "str",
    **_each("float64", "tolerance cosine relative_error norm_ratio"),
    **_each("float64", "forward_seconds backward_seconds forward_evaluations vjps"),
    "peak_memory_bytes": "float64",
    **_each("str", "peak_memory_source status message"),
    **_each("float64", "forward_residual forward_converged_fraction adjoint_converged_fraction"),
    "batch_size": "int64",
    "device": "str",
    "num_threads": "float64",
    **_each("str", "code_version library_versions"),
}
# Files from before one of these groups was added, in this order, are read too.
GRADIENT_COLUMNS_ADDED = (
    ("code_version", "library_versions"),
    ("network", "problem_params", "layer_params", "network_params"),
)
REQUIRED_GRADIENT_COLUMNS = ("problem", "size", "method", "seed", "state", "status", "batch_size")

# The columns that a version added: older records are read with these missing.
ADDED_IN: dict[int, tuple[str, ...]] = {
    2: (
        *("data_seconds", "forward_seconds", "backward_seconds", "optimiser_seconds"),
        *("warm_up_seconds", "compile_seconds", "memory_seconds", "wall_seconds"),
        *("peak_reserved_bytes", "baseline_memory_bytes", "load_average", "adjoint_residual"),
    ),
    3: (
        *("code_version", "library_versions", "device_name", "host"),
        *("concurrency", "resumptions", "checkpoint_seconds"),
    ),
    4: ("forward_statuses", "adjoint_statuses", "tuned_parameters"),
    5: (
        *("validation_psnr", "validation_psnr_observed", "kernel"),
        *("fingerprint", "machine_identity", "calibration_before", "calibration_after"),
    ),
    6: (
        *("network", "problem_params", "layer_params", "network_params"),
        *("parameters", "flops_per_image"),
    ),
    7: ("gradient_cosine", "gradient_relative_error", "gradient_norm_ratio"),
}


def columns_of_version(columns: Mapping[str, str], version: object) -> dict[str, str]:
    """Return those of `columns` that a record of this schema version has; ValueError if none."""
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise ValueError(
            f"schema_version is {reprlib.repr(version)}, but only 1 to {SCHEMA_VERSION} can be read"
        )
    later = {name for since, names in ADDED_IN.items() if since > version for name in names}
    return {name: kind for name, kind in columns.items() if name not in later}


def complete_row(given: Mapping[str, object]) -> dict[str, object]:
    """Return a whole, checked row of `runs`; raise ValueError for anything unknown or missing."""
    given = {"schema_version": SCHEMA_VERSION, **given}
    missing = [name for name in REQUIRED_RUN_COLUMNS if given.get(name) is None]
    if missing:
        raise ValueError(f"columns of the record are missing: {', '.join(missing)}")
    row = complete(given, RUN_COLUMNS)
    check_status(row)
    check_run_id(str(row["run_id"]))
    return row


def complete_gradient(given: Mapping[str, object]) -> dict[str, object]:
    """Return a whole, checked row of `gradients`; ValueError for anything unknown or missing."""
    missing = [name for name in REQUIRED_GRADIENT_COLUMNS if given.get(name) in (None, "")]
    if missing:
        raise ValueError(f"columns of the measurement are missing: {', '.join(missing)}")
    row = complete(given, GRADIENT_COLUMNS)
    check_status(row)
    return row


def complete(given: Mapping[str, object], columns: Mapping[str, str]) -> dict[str, object]:
    """Return every column in its declared order and type; what is missing is "" or NaN."""
    unknown = sorted(given.keys() - columns.keys())
    if unknown:
        raise ValueError(f"unknown columns: {', '.join(map(repr, unknown[:5]))}")
    return {name: typed(name, given.get(name), dtype) for name, dtype in columns.items()}


def typed(name: str, value: object, dtype: str) -> object:
    """Return `value` as plain str, int or float; raise ValueError if it is of another kind.

    A finite number is at most MOST_NUMBER, and text without halves of surrogate pairs.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if dtype == "str" and isinstance(value, str | None):
        return _text(value or "")
    if dtype == "int64" and type(value) is int and abs(value) < 2**63:
        return value
    if dtype == "float64":
        if value is None:
            return math.nan
        if type(value) is float and not MOST_NUMBER < abs(value) < math.inf:
            return value  # NaN, infinities: kept in a curve, null in record.json
        if type(value) is int and abs(value) <= MOST_NUMBER:
            return float(value)
    raise ValueError(f"{name}: {reprlib.repr(value)} is not {dtype}")


def _text(value: str) -> str:
    """Any text as one that can be written: '?' for what stands for a byte that is no UTF-8."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def check_run_id(run_id: str) -> None:
    """Raise ValueError for what is not a plain folder name."""
    plain = run_id.isprintable() and not set(run_id) & set("/\\")
    if not plain or not run_id or run_id[0] == "." or len(run_id) > 200:
        raise ValueError(f"run_id {reprlib.repr(run_id)} is not a valid folder name")


def check_status(row: Mapping[str, object]) -> None:
    """Raise ValueError for an unknown status."""
    if row["status"] not in STATUSES:
        raise ValueError(
            f"unknown status {reprlib.repr(row['status'])}: must be one of {', '.join(STATUSES)}"
        )
