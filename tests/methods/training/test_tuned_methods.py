from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from methods.base import Prepared, Setting
from methods.layers.data_term import DataTerm
from methods.pnp_admm import PlugAndPlayADMM
from methods.training import tuning
from methods.training.denoiser import DenoiserRecipe
from methods.training.tuning import tune_on_training_images
from methods.tv import TotalVariation
from problems.data import Pairs, make_pairs
from problems.images.natural import Natural
from problems.motion import MotionBlur
from tests.support.soaked import only

SIZE, SIGMA = 16, 0.02
TV = TotalVariation(iterations=150, tune_images=4)


def make_setting(cache: Path, count: int = 6, seed: int = 0) -> Setting:
    problem = MotionBlur(size=SIZE, kernel_size=5, noise_sigma=SIGMA)
    physics = problem.physics()
    train = make_pairs(problem, physics, Natural(), "train", count, seed)
    return Setting(physics, SIGMA, train, seed, cache)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return make_setting(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def tuned(setting: Setting) -> Prepared:
    return TV.prepare(setting)


def psnr(images: Tensor, clean: Tensor) -> float:
    return float(-10 * torch.log10((images - clean).square().flatten(1).mean(1)).mean())


def objective(image: Tensor, observed: Tensor, physics: Any, weight: float) -> Tensor:
    """½|A x - y|² + weight · Σ |∇x|, forward differences that are zero at the border; (N,)."""
    x = image.double()
    down, right = torch.zeros_like(x), torch.zeros_like(x)
    down[..., :-1, :] = x[..., 1:, :] - x[..., :-1, :]
    right[..., :, :-1] = x[..., :, 1:] - x[..., :, :-1]
    variation = (down**2 + right**2).sqrt().sum((1, 2, 3))
    error = physics.A(image).double() - observed.double()
    return 0.5 * error.square().sum((1, 2, 3)) + weight * variation


@pytest.mark.parametrize("weight", only([3e-3], [3e-4, 3e-3, 3e-2]))
def test_tv_minimises_its_objective(setting: Setting, weight: float) -> None:
    observed, physics = setting.train.observed, setting.physics
    method = TotalVariation(iterations=1000)
    image = method._minimise(physics, observed, weight)
    reached = objective(image, observed, physics, weight)
    generator = torch.Generator().manual_seed(0)
    rivals = [method._minimise(physics, observed, factor * weight) for factor in (0.6, 1.6)]
    rivals += [observed, setting.train.clean]
    for size in (1e-3, 1e-2, 0.1):
        rivals.append(image + size * torch.randn(image.shape, generator=generator))
        rivals.append(image + size * (observed - image))
        rivals.append(image + size * (image.mean((2, 3), keepdim=True) - image))
    for rival in rivals:
        assert (reached <= objective(rival, observed, physics, weight) * (1 + 1e-5)).all()


def test_default_iterations_of_tv_are_enough(setting: Setting, tuned: Prepared) -> None:
    observed, physics = setting.train.observed, setting.physics
    weight = tuned.tuned["weight"]
    short = TotalVariation()._minimise(physics, observed, weight)
    long = TotalVariation(iterations=2000)._minimise(physics, observed, weight)
    assert abs(psnr(short, setting.train.clean) - psnr(long, setting.train.clean)) < 0.05


def test_tv_weight_is_near_the_best_of_a_grid(setting: Setting, tuned: Prepared) -> None:
    """On the images that it was tuned on, within a twentieth of a dB."""
    clean, observed = setting.train.clean[:4], setting.train.observed[:4]
    grid = 10 ** torch.linspace(-5, -1, 25)
    scores = [
        psnr(TV._minimise(setting.physics, observed, weight), clean) for weight in grid.tolist()
    ]
    assert psnr(tuned.reconstruct(observed), clean) >= max(scores) - 0.05
    assert max(scores) > psnr(observed, clean) + 1  # the grid does not end at its best
    assert tuned.tune_seconds > 0


def test_fewer_iterations_are_those_of_the_method_with_the_tuned_weight(
    setting: Setting, tuned: Prepared
) -> None:
    prepared, observed = tuned, setting.train.observed
    few = dataclasses.replace(TV, iterations=7)
    expected = few._minimise(setting.physics, observed, prepared.tuned["weight"])
    assert torch.equal(prepared.within(7)(observed), expected)
    assert torch.equal(prepared.within(150)(observed), prepared.reconstruct(observed))
    assert not torch.equal(prepared.within(7)(observed), prepared.reconstruct(observed))


def test_tv_weight_depends_on_the_first_training_images_alone(
    setting: Setting, tuned: Prepared
) -> None:
    weight = tuned.tuned
    pairs = setting.train
    others = Pairs(pairs.clean.clone(), pairs.observed.clone())
    others.clean[4:], others.observed[4:] = 0.5, 0.1
    assert TV.prepare(dataclasses.replace(setting, train=others)).tuned == weight
    others.observed[:4] += 0.1 * torch.randn(4, 1, SIZE, SIZE)
    assert TV.prepare(dataclasses.replace(setting, train=others)).tuned != weight


def test_setting_holds_no_test_images() -> None:
    names = {field.name for field in dataclasses.fields(Setting)}
    expected = {"physics", "noise_sigma", "train", "seed", "cache", "checkpoint_every_seconds"}
    assert names == expected


def test_tuning_finds_the_maximum_on_a_logarithmic_scale(setting: Setting) -> None:
    """The error is |log₁₀(value / 0.02)|, so the best value is 0.02."""

    def reconstructor(value: float) -> Any:
        return lambda observed: setting.train.clean[:3] + torch.tensor(value / 0.02).log10()

    value, _ = tune_on_training_images(reconstructor, (1e-5, 1e-1), setting, 3)
    assert value == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(("images", "used"), [(4.5, 4), (0.5, 1), (100, 6)])
def test_tuning_uses_images_up_to_a_number_of_pixels(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, images: float, used: int
) -> None:
    monkeypatch.setattr(tuning, "MOST_PIXELS", round(images * SIZE**2))
    seen: set[int] = set()

    def reconstruct(observed: Tensor) -> Tensor:
        seen.add(len(observed))
        return observed

    tune_on_training_images(lambda _: reconstruct, (1e-5, 1e-1), setting, 6)
    assert seen == {used}


@pytest.mark.parametrize("diverges", [(0.01, 0.1), (0.0, 0.001)], ids=["large", "small"])
def test_tuning_avoids_values_with_which_the_method_diverges(
    setting: Setting, diverges: tuple[float, float]
) -> None:
    """The search starts among the small ones."""

    def reconstructor(value: float) -> Any:
        error = torch.tensor(value / 0.005).log10()
        bad = error * float("nan") if diverges[0] < value < diverges[1] else error
        return lambda observed: setting.train.clean[:3] + bad

    value, _ = tune_on_training_images(reconstructor, (1e-5, 1e-1), setting, 3)
    assert value == pytest.approx(0.005, rel=0.1)


class Shrink(nn.Module):
    """c x, the proximal map of (1 - c) / (2 c) |x|²."""

    def forward(self, x: Tensor, sigma: object = None) -> Tensor:
        return 0.8 * x


@pytest.mark.parametrize("step", [0.5, 4.0])
def test_admm_with_a_linear_denoiser_solves_its_least_squares_problem(
    setting: Setting, step: float
) -> None:
    """It minimises ½|A x - y|² + (1 - c) / (2 c step) |x|², which has a closed form."""
    observed = setting.train.observed
    method = PlugAndPlayADMM(iterations=400)
    found = method._minimise(setting.physics, observed, Shrink(), step)
    strength = (1 - 0.8) / (0.8 * step)
    data = DataTerm(setting.physics, observed)
    expected = data.proximal(torch.zeros_like(observed), strength)
    assert torch.allclose(found, expected, atol=1e-4)


def test_admm_starts_from_the_adjoint_and_a_dual_variable_of_zero(setting: Setting) -> None:
    """The iteration of Boyd et al., section 3.1.1, in scaled form, three times."""
    observed, step = setting.train.observed, 0.5
    data, denoise = DataTerm(setting.physics, observed), Shrink()
    x, dual = data.adjoint, torch.zeros_like(observed)
    for _ in range(3):
        u = data.proximal(x - dual, 1 / step)
        x = denoise(u + dual)
        dual = dual + u - x
    found = PlugAndPlayADMM(iterations=3)._minimise(setting.physics, observed, denoise, step)
    assert torch.allclose(found, x, atol=1e-5)


def test_pnp_admm_beats_the_observation_and_notes_what_it_cost(setting: Setting) -> None:
    method = PlugAndPlayADMM(iterations=15, tune_images=4, depth=4, features=12, denoiser_steps=300)
    prepared: Prepared = method.prepare(setting)
    clean, observed = setting.train.clean, setting.train.observed
    assert psnr(prepared.reconstruct(observed), clean) > psnr(observed, clean) + 0.5
    assert prepared.denoiser_train_seconds > 0
    assert prepared.learned == (9 + 1) * 12 + 2 * (12 * 9 + 1) * 12 + (12 * 9 + 1)
    assert prepared.tune_seconds > 0
    assert 1e-2 <= prepared.tuned["step"] <= 1e3


def test_every_parameter_of_the_denoiser_reaches_its_training() -> None:
    named = {"depth": 5, "features": 6, "denoiser_sigma": 0.1, "denoiser_steps": 7}
    training = {"denoiser_batch_size": 9, "denoiser_learning_rate": 1e-3}
    found = PlugAndPlayADMM(**named, **training)._recipe()
    assert found == DenoiserRecipe(5, 6, 0.1, 7, 9, 1e-3)
