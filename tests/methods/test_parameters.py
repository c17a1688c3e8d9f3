from __future__ import annotations

import pytest

from bench.plugins import load_builtins
from bench.registry import LAYERS, METHODS, NETWORKS
from tests.support.parameters import validate

load_builtins()

REFUSED = [
    ("ift", {"solver": "newton"}),
    ("ift", {"tolerance": 0.0}),
    ("ift", {"tolerance": float("nan")}),
    ("ift", {"max_iterations": 0}),
    ("ift", {"memory": 0}),
    ("phantom", {"steps": 0}),
    ("phantom", {"damping": 0.0}),
    ("phantom", {"damping": 1.1}),
    ("phantom", {"form": "damped"}),
    ("neumann", {"terms": 0}),
    ("shine", {"fallback": 0.0}),
    ("shine", {"fallback": float("nan")}),
    ("unrolling", {"steps": 0}),
    ("unrolling", {"truncate": -1}),
    ("unrolling", {"truncate": 21}),
    ("unrolling", {"checkpoint": -1}),
    ("reversible", {"steps": 0}),
    ("reversible", {"beta": 0.0}),
    ("reversible", {"beta": 1.0}),
    ("reversible", {"beta": 0.61}),
    ("reversible", {"beta": 0.5, "steps": 27}),
    ("reversible", {"beta": 0.5, "steps": 50, "checkpoint": 27}),
    ("reversible", {"checkpoint": -1}),
    ("dncnn", {"depth": 2}),
    ("dncnn", {"features": 0}),
    ("dncnn", {"learning_rate_factor": 0.0}),
    ("tv", {"iterations": 0}),
    ("tv", {"tune_images": 0}),
    ("pnp_admm", {"iterations": 0}),
    ("pnp_admm", {"depth": 2}),
    ("pnp_admm", {"denoiser_sigma": 0.0}),
    ("degrad", {"lipschitz": 1.01}),
    ("degrad", {"strength": 0.0}),
    ("convex_potential", {"group": 3}),
    ("convex_potential", {"filter_size": 4}),
    ("degrad", {"step_size": 1.01}),
    ("degrad", {"step_size": 0.0}),
    ("convex_potential", {"blocks": 0}),
    ("convex_potential", {"threshold": -1.0}),
]


@pytest.mark.parametrize(("name", "parameter"), REFUSED, ids=str)
def test_value_out_of_range_is_refused_by_name(name: str, parameter: dict[str, object]) -> None:
    registries = METHODS, LAYERS, NETWORKS
    registry = next(each for each in registries if name in each.names())
    with pytest.raises(ValueError, match=f"^{next(iter(parameter))}="):
        validate(registry.get(name)(**parameter))


def test_near_name_is_suggested() -> None:
    with pytest.raises(ValueError, match=r"^solver=gmress: did you mean 'gmres'\?$"):
        validate(METHODS.get("ift")(solver="gmress"))


def test_what_the_reconstruction_can_afford_is_accepted() -> None:
    kind = METHODS.get("reversible")
    for beta, steps, checkpoint in ((0.6, 20, 0), (0.5, 26, 0), (0.5, 500, 26), (0.99, 9, 4)):
        validate(kind(beta=beta, steps=steps, checkpoint=checkpoint))
    with pytest.raises(ValueError, match=r"20 steps amplifies rounding errors by 1e14, more than"):
        validate(kind(beta=0.8))


def test_shine_without_a_fall_back_is_accepted() -> None:
    validate(METHODS.get("shine")(fallback=float("inf")))


@pytest.mark.parametrize(
    "registry", [METHODS, LAYERS, NETWORKS], ids=lambda registry: registry.kind
)
def test_defaults_are_in_range(registry: object) -> None:
    for _, cls in registry.items():  # type: ignore[attr-defined]
        validate(cls())
