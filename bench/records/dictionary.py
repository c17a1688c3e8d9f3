"""What every column of the records means, and in which unit: the data dictionary.

A line per column, `name | unit | meaning`; tables share what has one name and one meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.schema import (
    CURVE_COLUMNS,
    GRADIENT_COLUMNS,
    IMAGE_COLUMNS,
    MEMORY_COLUMNS,
    METRIC_COLUMNS,
    PICTURE_COLUMNS,
    RECONSTRUCTION_COLUMNS,
    RUN_COLUMNS,
    STEP_COLUMNS,
)

if TYPE_CHECKING:
    import pandas as pd

COLUMNS_OF = {
    "runs": RUN_COLUMNS,
    "curves": CURVE_COLUMNS,
    "steps": STEP_COLUMNS,
    "reconstructions": RECONSTRUCTION_COLUMNS,
    "memory": MEMORY_COLUMNS,
    "images": IMAGE_COLUMNS,
    "pictures": PICTURE_COLUMNS,
    "metrics": METRIC_COLUMNS,
    "gradients": GRADIENT_COLUMNS,
}
SHARED = """
run_id | | name of the run, and of its folder
step | steps | training steps that were made; 0 is before training
forward_evaluations | evaluations | evaluations of T in training; one is of a whole batch
vjps | products | vector-Jacobian products in training; each of several computed at once counts
psnr | dB | peak signal-to-noise ratio, for a peak of 1
ssim | 1 | structural similarity (Wang et al., 2004)
psnr_observed | dB | PSNR of the observed image
problem | | name of the problem
problem_params | | its parameters, a JSON object
size | pixels | height and width of the images
layer | | name of the layer; empty for a method without one
layer_params | | its parameters, a JSON object
network | | name of the network in the layer
network_params | | its parameters, a JSON object
method | | name of the method
method_params | | its parameters, a JSON object
seed | | of weights, training crops, noise and data order
status | | completed, out_of_memory, diverged, timeout, error or skipped
message | | why it did not complete
forward_converged_fraction | 1 | fraction of the forward solves that reached their tolerance
adjoint_converged_fraction | 1 | fraction of the adjoint solves that reached their tolerance
peak_memory_bytes | bytes | peak of a training step, or of reconstructing a batch without one
peak_memory_source | | cuda_allocator, or live_tensors on a CPU
device | | kind of device
num_threads | threads | threads of PyTorch
code_version | | hash of the code that decides the numbers
library_versions | | versions of the libraries that decide them, a JSON object
forward_seconds | s | time of the forward pass: solve and loss
backward_seconds | s | time of the backward pass
train_seconds | s | training time: data, forward, backward, optimiser
loss | | training loss of the step's batch
seconds_per_image | s | time of one image of a batch
batch_size | images | images of one training step
forward_iterations | iterations | iterations of the forward solve
"""
OWN = {
    "runs": """
noise_sigma | 1 | standard deviation of the noise of y, of images in [0, 1]
family | | gradient, feedforward, plug_and_play or variational
psnr | dB | mean over the test images, at the end
ssim | 1 | mean over the test images, at the end
psnr_observed | dB | mean over the test images, of the observed image
train_cpu_seconds | s | processor time of training
setup_seconds | s | from the start to the first use of data and model
eval_seconds | s | time of all evaluations
reconstruct_seconds_per_image | s | time of one image at the end: the median of repetitions
steps | steps | training steps that were made
schema_version | | version of the columns
config_hash | | hash of the configuration
started_at | | when the run began, ISO 8601
layer_contraction | 1 | largest operator norm of the Jacobian of T at reconstructions of test images
tune_seconds | s | time of tuning on training images
denoiser_train_seconds | s | time of training a denoiser, also if it was read from the cache
log_path | | log of the run, in the results folder
data_seconds | s | time of fetching batches
forward_seconds | s | time of all forward passes: solve and loss
backward_seconds | s | time of all backward passes
optimiser_seconds | s | time of all optimiser steps
warm_up_seconds | s | time of two passes before training
compile_seconds | s | time of the first of them less that of the second
memory_seconds | s | time of the passes that measure memory
wall_seconds | s | time from the first clock of the run to the last
peak_reserved_bytes | bytes | what the CUDA allocator had reserved at the peak
baseline_memory_bytes | bytes | what was in use before the step
load_average | processes | load of the machine over one minute, at the start
device_name | | name of the device
host | | name of the machine
concurrency | runs | most runs of the experiment at a time on the machine
resumptions | | how often training went on from a checkpoint
checkpoint_seconds | s | time of writing checkpoints
forward_statuses | | how many test images ended in each way, a JSON object
adjoint_statuses | | how many samples of training ended in each way, a JSON object
tuned_parameters | | what was tuned, a JSON object
validation_psnr | dB | mean over the validation images, at the end
validation_psnr_observed | dB | mean over the validation images, of the observed image
kernel | | number of the blur kernel, of a problem with several
fingerprint | | hash of what tells machines apart
machine_identity | | what it was made of, a JSON object
calibration_before | s | time of a fixed piece of work before the run
calibration_after | s | time of the same work after it
parameters | | learned numbers
flops_per_image | operations | of one reconstruction, in convolutions and matrix products
gradient_cosine | 1 | cosine of the gradient of training to the exact one, at the trained weights
gradient_relative_error | 1 | norm of their difference over that of the exact one
gradient_norm_ratio | 1 | norm of the gradient of training over that of the exact one
""",
    "curves": """
psnr | dB | mean over the validation images
ssim | 1 | mean over the validation images
residual | 1 | relative residual of the last forward solve of training
gradient_norm | 1 | norm of the last gradient of training
adjoint_residual | 1 | relative residual of the last adjoint solve
""",
    "steps": """
forward_residual | 1 | relative residual of the forward solve
adjoint_residual | 1 | relative residual of the adjoint solve
""",
    "reconstructions": """
iterations | iterations | most iterations that a reconstruction was given
psnr | dB | mean over the validation images
""",
    "memory": """
peak_memory_bytes | bytes | peak of a training step with so many forward iterations
""",
    "images": """
image | | number of the test image, the same in every run
""",
    "pictures": """
picture | | number of the test picture, the same in every run
name | | that of its file, without the suffix
height | pixels | of the picture as it was reconstructed
width | pixels | of the picture as it was reconstructed
""",
    "metrics": """
name | | what the method calls it
value | | its value
""",
    "gradients": """
state | | weights: initial or trained
tolerance | 1 | of the forward solve; missing if the method does not use it
cosine | 1 | cosine to the reference gradient
relative_error | 1 | norm of the difference from the reference over that of the reference
norm_ratio | 1 | norm of the gradient over that of the reference
forward_seconds | s | time of the forward pass: the median of repetitions
backward_seconds | s | time of the backward pass: the median of repetitions
forward_evaluations | evaluations | evaluations of T in one forward and backward pass
vjps | products | vector-Jacobian products in one forward and backward pass
forward_residual | 1 | relative residual of the forward solve
""",
}


def describe(*tables: str) -> pd.DataFrame:
    """Return a row per column of these tables of results, or of all: table, column, type, unit, …

    KeyError for a table that does not exist.
    """
    import pandas as pd

    rows = []
    for table in tables or COLUMNS_OF:
        known = {**_lines(SHARED), **_lines(OWN[table])}
        rows += [
            {"table": table, "column": name, "type": kind, "unit": unit, "meaning": meaning}
            for name, kind in COLUMNS_OF[table].items()
            for unit, meaning in [known[name]]
        ]
    return pd.DataFrame(rows)


def _lines(text: str) -> dict[str, tuple[str, str]]:
    cells = ([cell.strip() for cell in line.split("|")] for line in text.strip().splitlines())
    return {name: (unit, meaning) for name, unit, meaning in cells}
