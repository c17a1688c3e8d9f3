"""Presets: named sizes, seeds and settings. What the user gives on the command line wins."""

from __future__ import annotations

from dataclasses import dataclass

from bench.errors import unknown_name


@dataclass(frozen=True)
class Preset:
    """The sizes (pixels), the number of seeds and the KEY=VALUE settings of one preset."""

    summary: str
    sizes: tuple[int, ...]
    seeds: int
    overrides: tuple[str, ...] = ()


DEFAULT_PRESET = "quick"
PRESETS = {
    "quick": Preset("minutes on a laptop", sizes=(32,), seeds=2),
    "standard": Preset(
        "an hour on a workstation", sizes=(64,), seeds=3, overrides=("train.steps=600",)
    ),
    "paper": Preset(
        "colour faces, for a GPU",
        sizes=(128,),
        seeds=3,
        overrides=("images=celeba", "train.steps=2000"),
    ),
}


def get_preset(name: str) -> Preset:
    """The preset called `name`; raises UserError with the nearest name."""
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]
