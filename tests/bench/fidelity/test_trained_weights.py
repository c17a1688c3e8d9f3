"""Weights at the start and after a short training: what makes them, and what the cache serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.config.plain import from_plain
from bench.config.settings import RunConfig
from bench.fidelity import trained_weights
from bench.fidelity.trained_weights import weights_at
from bench.machine import code_version
from bench.plugins import load_plugin
from bench.registry import LAYERS
from tests.support.tiny_runs import grid


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The image size of every training that is really made."""
    made: list[int] = []
    train = trained_weights._train

    def spy(model: Any, pairs: Any, config: Any) -> None:
        made.append(pairs.clean.shape[-1])
        train(model, pairs, config)

    monkeypatch.setattr(trained_weights, "_train", spy)
    return made


def config_of(*overrides: str, size: int = 16) -> RunConfig:
    (spec,) = grid("jfb", "train.batch_size=2", "network.guide_features=2", *overrides)
    config = from_plain(spec.config)
    return replace(config, problem=replace(config.problem, size=size))


def test_one_training_serves_every_size_and_method(trainings: list[int]) -> None:
    weights = weights_at("trained", config_of())
    again = weights_at("trained", config_of(size=64))
    assert trainings == [32]
    initial = weights_at("initial", config_of())
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    assert not all(torch.equal(weights[name], initial[name]) for name in weights)


@pytest.mark.parametrize(
    "override",
    ["layer=deprox", "train.steps=3", "problem.noise_sigma=0.02", "layer.strength=2", "seed"],
)
def test_another_setting_is_another_training(trainings: list[int], override: str) -> None:
    weights_at("trained", config_of())
    other = replace(config_of(), seed=1) if override == "seed" else config_of(override)
    weights_at("trained", other)
    assert len(trainings) == 2


def test_the_kernel_is_that_of_the_seed(trainings: list[int]) -> None:
    several, alone, other = (
        replace(config_of(*settings), seed=3)
        for settings in (
            ("problem.kernels=2", "problem.kernel_seed=4"),
            ("problem.kernel_seed=5",),
            ("problem.kernel_seed=4",),
        )
    )
    weights_at("trained", several)
    weights_at("trained", alone)
    assert len(trainings) == 1
    weights_at("trained", other)
    assert len(trainings) == 2


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def fill_with_others(path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"log_strength": torch.zeros(3)}, path)


@pytest.mark.parametrize("damage", [cut, fill_with_others, Path.unlink])
def test_a_damaged_cache_file_is_made_again(
    trainings: list[int], cache: Path, damage: Callable[[Path], None]
) -> None:
    first = weights_at("trained", config_of())
    (path,) = cache.iterdir()
    damage(path)
    second = weights_at("trained", config_of())
    assert len(trainings) == 2
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert list(cache.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_costs_only_time(trainings: list[int], cache: Path) -> None:
    cache.write_text("in the way")
    weights_at("trained", config_of())
    weights_at("trained", config_of())
    assert len(trainings) == 2


LAYER = '''
from dataclasses import dataclass
from bench import register_layer
from methods.layers.degrad import GradientStep

@register_layer("mine")
@dataclass(frozen=True)
class Mine(GradientStep):
    """A layer of a plug-in."""

    FACTOR = 1
'''


def forget_versions() -> None:
    for cached in (code_version._version_of, code_version._file_of, code_version._read):
        cached.cache_clear()


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Path]:
    """A file with a layer, which a test may edit."""
    path = tmp_path / "mine.py"
    path.write_text(LAYER)
    load_plugin(str(path))
    yield path
    forget_versions()


def test_an_edit_of_the_layer_is_another_training(trainings: list[int], plugin: Path) -> None:
    config = replace(config_of(), layer=LAYERS.get("mine")())
    for text in (LAYER, LAYER.replace("A layer of", "The layer of")):
        plugin.write_text(text)
        forget_versions()
        weights_at("trained", config)
        assert len(trainings) == 1
    plugin.write_text(LAYER.replace("FACTOR = 1", "FACTOR = 2"))
    forget_versions()
    weights_at("trained", config)
    assert len(trainings) == 2


@pytest.mark.parametrize(
    "module", ["methods.jfb", "methods.layers.degrad", "problems.motion", "methods.solvers.forward"]
)
def test_the_code_of_all_that_trains_is_in_the_key(
    module: str, trainings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights_at("trained", config_of())
    read = code_version._read

    def edited(name: str, path: Path) -> Any:
        found = read(name, path)
        return replace(found, digest="edited") if name == module else found

    monkeypatch.setattr(code_version, "_read", edited)
    code_version._version_of.cache_clear()
    weights_at("trained", config_of())
    code_version._version_of.cache_clear()
    assert len(trainings) == 2


@pytest.mark.parametrize("part", ["code_version", "decisive_versions"])
def test_other_code_or_libraries_are_another_training(
    part: str, trainings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights_at("trained", config_of())
    monkeypatch.setattr(trained_weights, part, lambda *_: "another")
    weights_at("trained", config_of())
    assert len(trainings) == 2
