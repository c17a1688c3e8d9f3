"""forward.start=previous: the solve of a training image begins where its last one ended."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.config.settings import ForwardConfig
from bench.measurement.clock import Clock
from bench.measurement.evaluation import Quality
from bench.measurement.models import TrainedModel
from bench.measurement.training import one_step, train, warm_up
from bench.measurement.training_log import TrainingLog
from tests.support.networks import TRAIN, model_of, random_pairs, run_config

INITIAL = ForwardConfig(tolerance=1e-5, max_iterations=50)
PREVIOUS = replace(INITIAL, start="previous")
PAIRS = random_pairs()
FIRST, OTHERS = torch.tensor([0, 1]), torch.tensor([2, 3])
EVERY_METHOD = pytest.mark.parametrize(
    "method",
    ["jfb", "ift", "shine", "phantom", "neumann", "torchdeq_jfb", "torchdeq_ift", "deepinv_jfb"],
)


def model(method: str, forward: ForwardConfig) -> TrainedModel:
    return model_of(run_config(method, forward=forward))


def visit(trained: TrainedModel, samples: Tensor) -> tuple[Tensor, int]:
    """The image of some training images, and the evaluations that it took."""
    before = trained.evaluations
    image = trained.image(PAIRS.observed[samples], samples)
    trained.count()
    return image.detach(), trained.evaluations - before


@EVERY_METHOD
def test_second_visit_begins_at_the_fixed_point_of_the_first(method: str) -> None:
    warm, cold = model(method, PREVIOUS), model(method, INITIAL)
    (image, first), (_, usual) = visit(warm, FIRST), visit(cold, FIRST)
    again, second = visit(warm, FIRST)
    assert first == usual
    assert visit(cold, FIRST)[1] == usual
    assert second <= usual - 3
    assert torch.allclose(again, image, atol=1e-3)


@EVERY_METHOD
def test_an_image_that_was_not_seen_is_solved_from_z0(method: str) -> None:
    warm, cold = model(method, PREVIOUS), model(method, INITIAL)
    visit(warm, FIRST)
    (image, count), (expected, usual) = visit(warm, OTHERS), visit(cold, OTHERS)
    assert count == usual
    assert torch.equal(image, expected)


def test_each_sample_of_a_batch_has_its_own_point() -> None:
    warm = model("jfb", PREVIOUS)
    visit(warm, FIRST)
    assert warm.fixed_points is not None
    kept = dict(warm.fixed_points)
    visit(warm, torch.tensor([2, 1]))
    assert sorted(warm.fixed_points) == [0, 1, 2]
    assert warm.fixed_points[0] is kept[0]
    assert warm.fixed_points[1] is not kept[1]
    assert torch.allclose(warm.fixed_points[1], kept[1], atol=1e-3)
    assert not any(point.requires_grad for point in warm.fixed_points.values())
    sizes = {point.untyped_storage().nbytes() for point in warm.fixed_points.values()}
    assert sizes == {PAIRS.observed[0].nbytes}  # and not that of a batch


def test_off_by_default() -> None:
    assert ForwardConfig().start == "initial"
    assert model("jfb", ForwardConfig()).fixed_points is None


def test_unrolling_begins_at_z0() -> None:
    warm, cold = (model("unrolling", forward) for forward in (PREVIOUS, INITIAL))
    for _ in range(2):
        assert torch.equal(visit(warm, FIRST)[0], visit(cold, FIRST)[0])
    assert warm.fixed_points == {}


def test_test_images_are_solved_from_z0() -> None:
    warm, cold = model("jfb", PREVIOUS), model("jfb", INITIAL)
    visit(warm, FIRST)
    observed = PAIRS.observed[FIRST]
    assert torch.equal(warm.reconstruct(observed), cold.reconstruct(observed))
    assert warm.iterations == cold.iterations


def test_passes_beside_training_leave_the_points_as_they_were() -> None:
    warm = model("jfb", PREVIOUS)
    warm_up(warm, PAIRS, TRAIN)
    assert warm.fixed_points == {}
    nothing = Quality(torch.zeros(1), torch.zeros(1))
    log = TrainingLog(Clock("cpu"))
    train(warm, PAIRS, TRAIN, 0, log, lambda: nothing, lambda *_: None)
    assert warm.fixed_points is not None
    kept = dict(warm.fixed_points)
    assert sorted(kept) == list(range(len(PAIRS.observed)))
    one_step(warm, PAIRS, TRAIN)
    one_step(warm.at_iterations(3, exactly=True), PAIRS, TRAIN)
    assert warm.fixed_points.keys() == kept.keys()
    assert all(warm.fixed_points[index] is point for index, point in kept.items())
