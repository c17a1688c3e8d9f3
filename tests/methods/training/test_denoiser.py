from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.machine import code_version
from methods.base import Setting
from methods.training import denoiser
from methods.training.checkpoint_file import CheckpointFile
from methods.training.denoiser import DenoiserRecipe, trained_denoiser
from methods.training.one_cycle import OneCycleAdam
from problems.data import Pairs

RECIPE = DenoiserRecipe(3, features=4, sigma=0.05, steps=3, batch_size=8, learning_rate=3e-3)


def make_setting(cache: Path, seed: int = 0) -> Setting:
    rising = torch.linspace(0, 1, 16).expand(4, 1, 16, 16).clone()
    clean = rising * torch.linspace(0.5, 1, 4).view(4, 1, 1, 1)
    return Setting(None, 0.01, Pairs(clean, clean), seed, cache)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def forbid() -> None:
        def fail(*args: object) -> float:
            raise AssertionError("it was trained again")

        monkeypatch.setattr(denoiser, "_train", fail)

    return forbid


def weights(model: nn.Module) -> Tensor:
    return torch.cat([value.flatten() for value in model.state_dict().values()])


def test_second_call_takes_the_denoiser_from_the_cache(
    tmp_path: Path, no_training: Callable[[], None]
) -> None:
    setting = make_setting(tmp_path)
    first, seconds = trained_denoiser(RECIPE, setting)
    no_training()
    second, cached_seconds = trained_denoiser(RECIPE, setting)
    assert torch.equal(weights(first), weights(second))
    assert seconds == cached_seconds > 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def change_images(setting: Setting) -> Setting:
    clean = setting.train.clean.clone()
    clean[3, 0, 15, 15] += 1e-6
    return dataclasses.replace(setting, train=Pairs(clean, clean))


CHANGES: list[Callable[[Setting], Setting]] = [
    change_images,
    lambda setting: dataclasses.replace(setting, seed=1),
    lambda setting: dataclasses.replace(
        setting, train=Pairs(setting.train.clean[:3], setting.train.observed[:3])
    ),
]


@pytest.mark.parametrize("change", CHANGES, ids=["image", "seed", "count"])
def test_another_setting_is_another_denoiser(
    tmp_path: Path, no_training: Callable[[], None], change: Callable[[Setting], Setting]
) -> None:
    setting = make_setting(tmp_path)
    trained_denoiser(RECIPE, setting)
    no_training()
    with pytest.raises(AssertionError, match="trained again"):
        trained_denoiser(RECIPE, change(setting))


@pytest.mark.parametrize(
    "change",
    [
        *({"depth": 4}, {"features": 5}, {"sigma": 0.06}, {"steps": 4}),
        *({"batch_size": 9}, {"learning_rate": 1e-3}),
    ],
    ids=str,
)
def test_another_recipe_is_another_denoiser(
    tmp_path: Path, no_training: Callable[[], None], change: dict[str, float]
) -> None:
    trained_denoiser(RECIPE, make_setting(tmp_path))
    no_training()
    with pytest.raises(AssertionError, match="trained again"):
        trained_denoiser(dataclasses.replace(RECIPE, **change), make_setting(tmp_path))


@pytest.mark.parametrize("change", [{"batch_size": 2}, {"learning_rate": 1e-3}], ids=str)
def test_the_recipe_of_the_training_is_followed(tmp_path: Path, change: dict[str, float]) -> None:
    usual, _ = trained_denoiser(RECIPE, make_setting(tmp_path))
    other, _ = trained_denoiser(dataclasses.replace(RECIPE, **change), make_setting(tmp_path))
    assert not torch.allclose(weights(usual), weights(other), atol=1e-4)


@pytest.mark.parametrize("name", ["code_version", "decisive_versions"])
def test_other_code_or_libraries_make_another_denoiser(
    name: str, tmp_path: Path, no_training: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_denoiser(RECIPE, make_setting(tmp_path))
    no_training()
    monkeypatch.setattr(denoiser, name, lambda *given: "another")
    with pytest.raises(AssertionError, match="trained again"):
        trained_denoiser(RECIPE, make_setting(tmp_path))


def test_the_code_of_the_denoiser_is_all_that_trains_it() -> None:
    reached = code_version._closure({denoiser.__name__})
    assert {denoiser.__name__, "methods.training.one_cycle", "problems.seeds"} <= set(reached)
    assert not any(name.startswith("bench.measurement") for name in reached)


def test_observations_do_not_matter(tmp_path: Path, no_training: Callable[[], None]) -> None:
    """The denoiser sees clean images only, so the same one serves every blur."""
    setting = make_setting(tmp_path)
    trained_denoiser(RECIPE, setting)
    no_training()
    other = Pairs(setting.train.clean, setting.train.observed + 1)
    trained_denoiser(RECIPE, dataclasses.replace(setting, train=other))


@pytest.mark.parametrize("kept", [0, 5, 200])
def test_truncated_cache_file_is_replaced(tmp_path: Path, kept: int) -> None:
    setting = make_setting(tmp_path)
    first, _ = trained_denoiser(RECIPE, setting)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:kept])
    second, _ = trained_denoiser(RECIPE, setting)
    assert torch.equal(weights(first), weights(second))
    assert len(file.read_bytes()) > kept
    assert list(tmp_path.iterdir()) == [file]


def test_file_of_another_network_is_replaced(tmp_path: Path) -> None:
    setting = make_setting(tmp_path)
    first, _ = trained_denoiser(RECIPE, setting)
    (file,) = tmp_path.iterdir()
    other = tmp_path / "other"
    trained_denoiser(dataclasses.replace(RECIPE, features=6), make_setting(other))
    file.write_bytes(next(other.iterdir()).read_bytes())
    second, _ = trained_denoiser(RECIPE, setting)
    assert torch.equal(weights(first), weights(second))


def under_a_file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "cache"


def where_nothing_can_be_written(tmp_path: Path) -> Path:
    return Path("/proc/cache")


@pytest.mark.parametrize("folder", [under_a_file, where_nothing_can_be_written])
def test_cache_that_cannot_be_made_costs_time_only(
    tmp_path: Path, folder: Callable[[Path], Path]
) -> None:
    model, seconds = trained_denoiser(RECIPE, make_setting(folder(tmp_path)))
    assert seconds > 0
    assert weights(model).isfinite().all()


def test_cache_that_cannot_be_written_to_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """safetensors reports a folder without permission, or a full disk, by an error of its own."""
    from safetensors import SafetensorError

    def full(*args: object, **options: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save", full)
    _, seconds = trained_denoiser(RECIPE, make_setting(tmp_path))
    assert seconds > 0
    assert not list(tmp_path.iterdir())


def test_weights_depend_on_the_seed_and_on_no_other_generator(tmp_path: Path) -> None:
    torch.manual_seed(1)
    first, _ = trained_denoiser(RECIPE, make_setting(tmp_path / "a"))
    torch.manual_seed(2)
    again, _ = trained_denoiser(RECIPE, make_setting(tmp_path / "b"))
    other, _ = trained_denoiser(RECIPE, make_setting(tmp_path / "b", seed=1))
    assert torch.equal(weights(first), weights(again))
    assert not torch.allclose(weights(first), weights(other))


def test_denoiser_removes_noise(tmp_path: Path) -> None:
    setting = make_setting(tmp_path)
    recipe = dataclasses.replace(RECIPE, depth=4, features=8, sigma=0.1, steps=120)
    model, _ = trained_denoiser(recipe, setting)
    assert not any(weight.requires_grad for weight in model.parameters())
    clean = setting.train.clean
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        error = (model(clean + noise) - clean).square().mean()
    assert error < 0.6 * noise.square().mean()


def test_training_starts_near_the_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OneCycleAdam, "step", lambda optimiser: None)  # the first weights stay
    setting = make_setting(tmp_path)
    recipe = dataclasses.replace(RECIPE, depth=8, features=16, steps=1)
    model, _ = trained_denoiser(recipe, setting)
    clean = setting.train.clean
    with torch.no_grad():
        error = (model(clean) - clean).square().mean().sqrt()
    assert 0 < error < 0.1


# ------------------------------------------------------------------------------- checkpoints

EVERY_STEP = 1e-9  # seconds: it is always time for a checkpoint


class Killed(BaseException):
    """What stands for the end of the process."""


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Setting, int], None]:
    """Train until the process ends, after the checkpoint of a step."""
    save = CheckpointFile.save

    def kill(setting: Setting, step: int) -> None:
        def last(file: CheckpointFile, state: dict[str, Any]) -> None:
            save(file, state)
            if state["steps"] == step:
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(CheckpointFile, "save", last)
            with pytest.raises(Killed):
                trained_denoiser(RECIPE, setting)

    return kill


def keeping(setting: Setting) -> Setting:
    return dataclasses.replace(setting, checkpoint_every_seconds=EVERY_STEP)


@pytest.mark.parametrize("step", range(1, RECIPE.steps + 1))
def test_training_that_was_killed_goes_on_to_the_same_denoiser(
    tmp_path: Path, killed: Callable[[Setting, int], None], step: int
) -> None:
    expected, _ = trained_denoiser(RECIPE, make_setting(tmp_path / "whole"))
    setting = keeping(make_setting(tmp_path / "killed"))
    killed(setting, step)
    (file,) = setting.cache.iterdir()
    kept = CheckpointFile(file, file.stem.removeprefix("denoiser-")).load()
    assert kept is not None
    assert kept["steps"] == step
    model, seconds = trained_denoiser(RECIPE, setting)
    assert torch.equal(weights(model), weights(expected))
    assert seconds > kept["seconds"] > 0
    assert [path.suffix for path in setting.cache.iterdir()] == [".safetensors"]


def test_training_that_is_killed_again_and_again_goes_on(
    tmp_path: Path, killed: Callable[[Setting, int], None]
) -> None:
    expected, _ = trained_denoiser(RECIPE, make_setting(tmp_path / "whole"))
    setting = keeping(make_setting(tmp_path / "killed"))
    for step in range(1, RECIPE.steps + 1):
        killed(setting, step)
    assert torch.equal(weights(trained_denoiser(RECIPE, setting)[0]), weights(expected))


def of_another_network(setting: Setting, file: Path) -> None:
    other = dataclasses.replace(RECIPE, features=6)
    optimiser = OneCycleAdam(denoiser._model(other, 1), 1e-3, other.steps)
    state = {"steps": 2, "seconds": 1.0, "optimiser": optimiser.state(), "generator": None}
    CheckpointFile(file, file.stem.removeprefix("denoiser-")).save(state)


@pytest.mark.parametrize(
    "spoil", [lambda _, file: file.write_bytes(file.read_bytes()[:-9]), of_another_network]
)
def test_spoilt_checkpoint_of_a_denoiser_is_ignored_with_a_line(
    tmp_path: Path,
    killed: Callable[[Setting, int], None],
    spoil: Callable[[Setting, Path], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    expected, _ = trained_denoiser(RECIPE, make_setting(tmp_path / "whole"))
    setting = keeping(make_setting(tmp_path / "killed"))
    killed(setting, 2)
    (file,) = setting.cache.iterdir()
    spoil(setting, file)
    assert torch.equal(weights(trained_denoiser(RECIPE, setting)[0]), weights(expected))
    assert "is ignored, training starts from the beginning" in capfd.readouterr().err


def test_no_checkpoint_of_a_denoiser_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CheckpointFile, "save", None)
    trained_denoiser(RECIPE, make_setting(tmp_path))
