"""Presets: named sizes, seeds and settings. What the user gives on the command line wins."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from bench.errors import unknown_name
from bench.registry import PROBLEMS


@dataclass(frozen=True)
class Preset:
    """Sizes (pixels), number of seeds, KEY=VALUE settings, and parameters of single methods."""

    summary: str
    sizes: tuple[int, ...]
    seeds: int
    overrides: tuple[str, ...] = ()
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def concerns(self, problem: str, setting: str) -> bool:
        """Whether a setting is for the problem: a plug-in's may lack a parameter of the preset."""
        group, _, name = setting.partition("=")[0].partition(".")
        known = {parameter.name for parameter in fields(PROBLEMS.get(problem))}
        return setting not in self.overrides or group != "problem" or name in known


DEFAULT_PRESET = "quick"
PRESETS = {
    "quick": Preset("photographs at 32 pixels: minutes on a laptop", sizes=(32,), seeds=3),
    "standard": Preset(
        "photographs at 64 pixels: an hour on two cores",
        sizes=(64,),
        seeds=3,
        overrides=("problem.kernels=3", "train.steps=600", "train.evaluate_every=4"),
        methods={"pnp_admm": ("denoiser_steps=800",)},
    ),
    "paper": Preset(
        "colour CelebA faces at 128 pixels (give images.path): for a GPU",
        sizes=(128,),
        seeds=3,
        overrides=(
            "images=celeba",
            "problem.channels=3",
            "problem.kernels=3",
            "train.steps=4000",
            "train.batch_size=16",
            "train.crops=8000",
            "train.evaluate_every=20",
            "evaluate.validation_images=32",
            "evaluate.images=256",
            "checkpoint_every_seconds=60",
        ),
        methods={
            "dncnn": ("depth=17", "features=64"),
            "pnp_admm": ("depth=17", "features=64", "denoiser_steps=8000"),
        },
    ),
}


def get_preset(name: str) -> Preset:
    """The preset called `name`; raises UserError with the nearest name."""
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]
