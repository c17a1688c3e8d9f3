"""Presets: named sizes, seeds and settings. What the user gives on the command line wins."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from bench.errors import unknown_name
from bench.registry import PROBLEMS


@dataclass(frozen=True)
class Preset:
    """Sizes (pixels), number of seeds, KEY=VALUE settings, and parameters of single methods.

    options: what --methods, --problem, --layer and --network are where they are not given; study:
    whether the preset is one of `bench gradients`, with its --states and --tolerances in options.
    """

    summary: str
    sizes: tuple[int, ...]
    seeds: int
    overrides: tuple[str, ...] = ()
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    study: bool = False

    def option(self, name: str) -> str | None:
        """The value of an option that was not given; None if nothing is said."""
        return self.options.get(name, USUAL_OPTIONS.get(name))

    def concerns(self, problem: str, setting: str) -> bool:
        """Whether a setting is for the problem: a plug-in's may lack a parameter of the preset."""
        group, _, name = setting.partition("=")[0].partition(".")
        known = {parameter.name for parameter in fields(PROBLEMS.get(problem))}
        return setting not in self.overrides or group != "problem" or name in known


DEFAULT_PRESET = "quick"
USUAL_OPTIONS = {"methods": "all", "problem": "motion"}
# Liu, Tong, Zhao, 2024: CelebA faces, 5 × 5 Gaussian blur, σ = 1; Anderson, 50 iterations to 1e-3.
SEED_PAPER = (
    "images=celeba",
    "problem.kernel_size=5",
    "problem.blur_sigma=1",
    "problem.noise_sigma=0.01",
    "forward.max_iterations=50",
    "forward.tolerance=1e-3",
)
SEED_LAYER = {"problem": "gaussian", "layer": "degrad[lipschitz=1]"}
SEED_DNCNN = "start=orthogonal,pretrain_steps=8000,pretrain_learning_rate=1e-3"
SMALL_DNCNN = "depth=5,features=16,pretrain_steps=400"
PRESETS = {
    "quick": Preset("photographs at 32 pixels: minutes on a laptop", sizes=(32,), seeds=3),
    "standard": Preset(
        "photographs at 64 pixels: an hour on two cores",
        sizes=(64,),
        seeds=3,
        overrides=("problem.kernels=3", "train.steps=600", "train.evaluate_every=4"),
        methods={
            # On validation images, 300 steps: 28.0 dB at this rate, 24.3 at the whole one, 27.7 at
            # a tenth; unet is best at the whole one.
            "dncnn": ("depth=12", "features=48", "learning_rate_factor=0.3"),
            "unet": ("scales=4", "features=32"),
            "pnp_admm": ("denoiser_steps=800",),
        },
    ),
    "paper-small": Preset(
        "the seed paper's experiment for a CPU: colour faces at 32 pixels (give images.path)",
        sizes=(32,),
        seeds=3,
        overrides=(*SEED_PAPER, "train.steps=600", "train.crops=1024", "gradient_pass=true"),
        methods={"pnp_admm": ("denoiser_steps=800",)},
        options={**SEED_LAYER, "network": f"dncnn[{SMALL_DNCNN}]"},
    ),
    "paper": Preset(
        "the seed paper's experiment: colour faces at 128 pixels (give images.path), for a GPU",
        sizes=(128,),
        seeds=3,
        overrides=(
            *SEED_PAPER,
            "train.steps=4000",
            "train.batch_size=16",
            "train.crops=8000",
            "train.evaluate_every=20",
            "evaluate.validation_images=32",
            "evaluate.images=256",
            "checkpoint_every_seconds=60",
        ),
        methods={
            # At the whole rate dncnn and restormer of these sizes end 4.5 and 5.5 dB lower, in 300
            # steps at 32 pixels, on validation images.
            "dncnn": ("depth=17", "features=64", "learning_rate_factor=0.1"),
            "unet": ("scales=4", "features=32"),
            "restormer": ("features=24", "blocks=2", "learning_rate_factor=0.2"),
            "pnp_admm": (
                *("depth=17", "features=64"),
                *("denoiser_steps=8000", "denoiser_learning_rate=1e-3"),
            ),
        },
        options={**SEED_LAYER, "network": f"dncnn[{SEED_DNCNN}]"},
    ),
    "paper-timing": Preset(
        "one exact gradient against one Jacobian-free, 16 to 128 pixels: for `bench gradients`",
        sizes=(16, 32, 64, 128),
        seeds=3,
        options={
            "methods": "jfb,ift[solver=normal_cg,gmres,anderson,max_iterations=200]",
            "problem": "gaussian",
            "network": f"convex_potential,dncnn[{SMALL_DNCNN}]",
            "states": "trained",
            "tolerances": "1e-3,1e-5",
        },
        study=True,
    ),
    "regimes": Preset(
        "where a cheap gradient costs quality: contraction, network, problem and noise",
        sizes=(32,),
        seeds=3,
        overrides=("gradient_pass=true",),
        options={
            "methods": "jfb,phantom,ift",
            "problem": "gaussian[noise_sigma=0.01,0.05],motion[noise_sigma=0.01,0.05]",
            "layer": "degrad[lipschitz=0.9,0.97,0.99,0.999]",
            "network": f"convex_potential,dncnn[{SMALL_DNCNN}]",
        },
    ),
}


def get_preset(name: str) -> Preset:
    """The preset called `name`; raises UserError with the nearest name."""
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]
