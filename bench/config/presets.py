"""Presets: named sizes, seeds and settings. What the user gives on the command line wins."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.errors import unknown_name


@dataclass(frozen=True)
class Preset:
    """Sizes (pixels), number of seeds, KEY=VALUE settings, and parameters of single methods."""

    summary: str
    sizes: tuple[int, ...]
    seeds: int
    overrides: tuple[str, ...] = ()
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)


DEFAULT_PRESET = "quick"
PRESETS = {
    "quick": Preset("photographs at 32 pixels: minutes on a laptop", sizes=(32,), seeds=2),
    "standard": Preset(
        "photographs at 64 pixels: an hour on two cores",
        sizes=(64,),
        seeds=3,
        overrides=("train.steps=600", "train.evaluate_every=4"),
        methods={"pnp_admm": ("denoiser_steps=800",)},
    ),
    "paper": Preset(
        "colour CelebA faces at 128 pixels (give images.path): for a GPU",
        sizes=(128,),
        seeds=3,
        overrides=(
            "images=celeba",
            "problem.channels=3",
            "train.steps=4000",
            "train.batch_size=16",
            "train.crops=8000",
            "train.evaluate_every=20",
            "evaluate.images=64",
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
