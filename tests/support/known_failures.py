"""Contracts that a library entry does not keep, by (method, property), and why.

The entries run other people's code as it is; what it cannot do is stated here, not worked around.
A reason that no longer holds makes the tests fail.
"""

from __future__ import annotations

KNOWN_FAILURES: dict[tuple[str, str], str] = {
    ("deepinv_ift", "loss_scale"): (
        "deepinv stops at a step relative to |w| + 1e-6, so that small gradients stop it earlier"
    ),
    ("deepinv_ift", "loss_extremes"): (
        "the same 1e-6 is then larger than w, so that the first step of deepinv passes for the last"
    ),
    ("torchdeq_ift", "loss_extremes"): (
        "torchdeq's Broyden divides residuals by |w| + 1e-9, so that a tiny one passes for solved"
    ),
    ("deepinv_ift", "nothing_left_behind"): (
        "deepinv's hook defines a class that refers to the graph: classes are reference cycles"
    ),
}
