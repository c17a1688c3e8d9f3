"""`bench gradients`: how near each method's gradient is to the true one, and at what cost."""

from __future__ import annotations

from bench.commands._options import Add, add_plugin_option, add_results_folder, add_selection
from bench.config.presets import PRESETS

ACCEPTS_SETTINGS = True
USAGE = "python -m bench gradients [OPTIONS] [KEY=VALUE ...]"
DEFAULT_TOLERANCES = "1e-1,1e-2,1e-3,1e-4,1e-5"
STATES = ("initial", "trained")
EPILOG = """\
Compares the gradient of each method with a reference gradient in double precision, at the same
weights and images. A method with a budget (steps, terms or iterations) is swept over several
budgets unless it is named with brackets. The trained weights come from a short JFB training at
32 pixels (train.steps=100) and are cached. docs/gradients.md explains the measurements.

settings:
  Any KEY=VALUE in Hydra's override grammar, for example forward.solver=broyden, train.batch_size=4,
  problem.noise_sigma=0.02 or images=folder images.path=photos.

examples:
  python -m bench gradients
  python -m bench gradients --methods 'jfb,ift[solver=gmres,bicgstab]' --layer degrad,deprox
  python -m bench gradients --methods libraries --sizes 16,32,64,128,256 --states trained
  python -m bench gradients --methods jfb,mine --plugin mine.py --out results/mine

The same command with the same --out continues: it measures what is missing, and measures again what
other code or other library versions measured.

Exit status: 0 everything was measured; 1 a measurement failed (its row says why); 2 a mistake in
the command; 130 interrupted (what was measured is kept).
"""


def add_arguments(add: Add) -> None:
    """Declare the options of `gradients`."""
    methods = (
        "comma-separated methods, all or libraries; values in brackets are swept: "
        "'phantom[steps=1,3,5]' (default: all, which means every gradient method)"
    )
    add_selection(add, methods=methods, usual={"sizes": "32", "seeds": "1"})
    studies = ", ".join(name for name, preset in PRESETS.items() if preset.study)
    preset = f"what is not given otherwise: {studies}, or one of `run` (default: none)"
    add("--preset", metavar="NAME", help=preset)
    states = "states of the weights (default: initial,trained)"
    add("--states", metavar="LIST", help=states)
    tolerances = f"tolerances of the forward solve (default: {DEFAULT_TOLERANCES})"
    add("--tolerances", metavar="LIST", help=tolerances)
    add_results_folder(add, "results/gradients-PROBLEM-TIME")
    add_plugin_option(add)
