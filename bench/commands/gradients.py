"""`bench gradients`: how near each method's gradient is to the true one, and at what cost."""

from __future__ import annotations

import argparse

from bench.commands._options import add_plugin_option, add_results_folder, add_selection

ACCEPTS_SETTINGS = True
USAGE = "python -m bench gradients [OPTIONS] [KEY=VALUE ...]"
DEFAULT_TOLERANCES = "1e-1,1e-2,1e-3,1e-4,1e-5"
STATES = ("initial", "trained")
EPILOG = """\
Each method is compared with a reference gradient in double precision, at the same weights and
images. A method that can spend more (steps, terms, iterations) is swept over budgets of its own
when it is named without brackets. Trained weights come from a short JFB training at 32 pixels
(train.steps=100), kept in the cache. docs/gradients.md explains the measurements.

settings:
  Any KEY=VALUE in Hydra's override grammar, such as forward.solver=broyden, train.batch_size=4,
  problem.noise_sigma=0.02 or images=folder images.path=photos.

examples:
  python -m bench gradients
  python -m bench gradients --methods 'jfb,ift[solver=gmres,bicgstab]' --layer degrad,deprox
  python -m bench gradients --methods libraries --sizes 16,32,64,128,256 --states trained
  python -m bench gradients --methods jfb,mine --plugin mine.py --out results/mine

Exit status: 0 everything was measured, 1 a measurement failed (its row says why), 2 a mistake in
the command, 130 interrupted (what was measured is kept; the same command continues).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `gradients`."""
    add = parser.add_argument
    methods = (
        "all, libraries or a comma list; values in brackets sweep: 'phantom[steps=1,3,5]' "
        "(all: every gradient method)"
    )
    add_selection(add, methods=methods, sizes="32", seeds="1")
    add("--states", default=",".join(STATES), metavar="LIST", help="of the weights (both)")
    add(
        "--tolerances",
        default=DEFAULT_TOLERANCES,
        metavar="LIST",
        help=f"of the forward solve ({DEFAULT_TOLERANCES})",
    )
    add_results_folder(add, "results/gradients-PROBLEM-TIME")
    add_plugin_option(parser)
