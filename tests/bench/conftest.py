"""Registries that hold a few small classes, whatever is built in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest

from bench import plugins
from bench.registry import (
    REGISTRIES,
    register_images,
    register_layer,
    register_method,
    register_problem,
)

plugins.load_builtins()  # before any test can: importing a module registers its classes only once


@dataclass(frozen=True)
class Jfb:
    """Replaces the inverse by the identity."""

    family: ClassVar[str] = "gradient"


@dataclass(frozen=True)
class Phantom:
    """A few damped steps."""

    family: ClassVar[str] = "gradient"
    steps: int = 5
    damping: float = 0.5
    weights: tuple[float, ...] = (1.0, 2.0)


@dataclass(frozen=True)
class Tv:
    """Total variation."""

    family: ClassVar[str] = "variational"
    weight: float | None = None

    def validate(self) -> None:
        if self.weight is not None and self.weight < 0:
            raise ValueError("weight must not be negative")


@dataclass(frozen=True)
class Motion:
    """Motion blur."""

    size: int = 32
    kernel_size: int = 21
    noise_sigma: float = 0.01


@dataclass(frozen=True)
class Gaussian:
    """Gaussian blur."""

    size: int = 32
    kernel_size: int = 9


@dataclass(frozen=True)
class Degrad:
    """Gradient step."""

    features: int = 16


@dataclass(frozen=True)
class Deprox:
    """Proximal step."""

    features: int = 16


@dataclass(frozen=True)
class Natural:
    """Photographs."""

    def split(self, channels: int) -> tuple[list[str], ...]:
        return ["one.png"], ["two.png"], ["three.png"]

    def crops(self, part: str, count: int, size: int, channels: int, seed: int) -> None:
        assert count == 1


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the classes above are registered; nothing is built in or installed."""
    for kind in REGISTRIES:
        monkeypatch.setattr(kind, "_entries", {})
    monkeypatch.setattr(plugins, "BUILTIN_PACKAGES", ())
    monkeypatch.setattr(plugins, "ENTRY_POINT_GROUPS", ())
    monkeypatch.setattr(plugins, "_loaded_plugins", [])
    for name in [name for name in sys.modules if name.startswith("bench_plugin_")]:
        monkeypatch.delitem(sys.modules, name)
    register_method("jfb")(Jfb)
    register_method("phantom")(Phantom)
    register_method("tv")(Tv)
    register_problem("gaussian")(Gaussian)
    register_problem("motion")(Motion)
    register_layer("degrad")(Degrad)
    register_layer("deprox")(Deprox)
    register_images("natural")(Natural)


@pytest.fixture(autouse=True)
def forgets_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers or loads is gone after it: a run's process loads plug-ins again."""
    for kind in REGISTRIES:
        monkeypatch.setattr(kind, "_entries", dict(kind._entries))
    monkeypatch.setattr(plugins, "_loaded_plugins", list(plugins._loaded_plugins))


@pytest.fixture(autouse=True)
def keeps_denormals() -> Iterator[None]:
    """Commands that measure in this process flush denormals, which Hypothesis does not bear."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
