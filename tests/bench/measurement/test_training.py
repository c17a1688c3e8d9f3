from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice, pairwise
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from bench.config.plain import from_plain
from bench.config.presets import PRESETS
from bench.config.settings import TrainConfig
from bench.experiment.grid import GridRequest, build_grid
from bench.measurement import clock as clock_module
from bench.measurement import training as training_module
from bench.measurement.clock import Clock
from bench.measurement.evaluation import Quality
from bench.measurement.failure import Diverged
from bench.measurement.models import FeedForwardModel, TrainedModel
from bench.measurement.training import (
    LOSS_FLOOR,
    batch_indices,
    evaluation_steps,
    step_without_update,
    train,
    training_loss,
    warm_up,
)
from bench.measurement.training_log import TrainingLog
from problems.data import Pairs
from tests.support.networks import TRAIN, model_of, random_pairs, run_config

GRADIENT_METHODS = ["jfb", "ift", "phantom", "unrolling"]
QUALITY = Quality(torch.tensor([30.0, 32.0]), torch.tensor([0.8, 0.9]))


def trained(
    model: TrainedModel,
    seed: int = 0,
    config: TrainConfig = TRAIN,
    evaluate: Callable[[], Quality] = lambda: QUALITY,
) -> TrainingLog:
    log = TrainingLog(Clock("cpu"))
    train(model, random_pairs(), config, seed, log, evaluate, lambda point: None)
    return log


def losses(method: str, seed: int) -> list[float]:
    """The loss after every step."""
    config = TrainConfig(steps=4, batch_size=2, evaluate_every=1)
    curve = trained(model_of(run_config(method, seed=seed)), seed, config).curve
    return [float(str(point["loss"])) for point in curve[1:]]


@pytest.mark.parametrize("method", [*GRADIENT_METHODS, "dncnn"])
def test_same_seed_gives_the_same_losses(method: str) -> None:
    first = losses(method, 0)
    assert losses(method, 0) == pytest.approx(first, abs=1e-6)
    assert losses(method, 1) != pytest.approx(first, abs=1e-3)


def test_first_weights_are_those_of_the_seed_whatever_the_method() -> None:
    models = [model_of(run_config(method)) for method in GRADIENT_METHODS]
    first = [weight.clone() for weight in models[0].parameters()]
    for model in models[1:]:
        for weight, expected in zip(model.parameters(), first, strict=True):
            assert torch.equal(weight, expected)
    other = model_of(run_config(seed=1)).parameters()
    assert any(not torch.equal(a, b) for a, b in zip(other, first, strict=True))


def test_building_a_model_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    model_of(run_config())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("method", [*GRADIENT_METHODS, "dncnn"])
def test_training_lowers_the_loss_on_its_images(method: str) -> None:
    config = TrainConfig(steps=25, batch_size=5, evaluate_every=1)
    curve = trained(model_of(run_config(method)), config=config).curve
    assert float(str(curve[-1]["loss"])) < float(str(curve[1]["loss"])) - 0.1  # dB


def test_every_weight_is_updated() -> None:
    model = model_of(run_config(guide_features=16))  # few features may all be switched off
    before = [weight.clone() for weight in model.parameters()]
    trained(model)
    moved = [not torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True)]
    assert all(moved)


def test_curve_has_a_point_at_the_start_at_each_period_and_at_the_end() -> None:
    config = TrainConfig(steps=7, batch_size=2, evaluate_every=3, evaluate_growth=0.0)
    reported: list[tuple[object, object]] = []
    log = TrainingLog(Clock("cpu"))
    train(
        model_of(run_config()),
        random_pairs(),
        config,
        0,
        log,
        lambda: QUALITY,
        lambda point: reported.append((point["step"], point["psnr"])),
    )
    assert [point["step"] for point in log.curve] == [0, 3, 6, 7]
    assert reported == [(0, 31.0), (3, 31.0), (6, 31.0), (7, 31.0)]
    assert [row["step"] for row in log.steps] == [1, 2, 3, 4, 5, 6, 7]
    first, last = log.curve[0], log.curve[-1]
    assert math.isnan(float(str(first["loss"])))
    assert first["forward_evaluations"] == first["vjps"] == first["train_seconds"] == 0
    assert last["vjps"] == 7  # jfb: one a step
    assert float(str(last["gradient_norm"])) > 0
    assert 0 < float(str(last["residual"])) < 1


def test_a_feed_forward_method_may_scale_the_learning_rate() -> None:
    """A tenth of the rate with a factor of ten is the rate; Adam hides no factor of the rate."""

    def final(factor: float, rate: float) -> list[Tensor]:
        config = run_config("dncnn", parameters={"depth": 3, "learning_rate_factor": factor})
        model = model_of(config)
        trained(model, config=TrainConfig(steps=3, batch_size=2, learning_rate=rate))
        return list(model.parameters())

    usual, same, other = final(1.0, 1e-3), final(10.0, 1e-4), final(0.5, 1e-3)
    assert all(torch.allclose(a, b) for a, b in zip(usual, same, strict=True))
    assert not any(torch.allclose(a, b, atol=1e-5) for a, b in zip(usual, other, strict=True))


def test_counts_are_those_of_unrolling() -> None:
    model = model_of(run_config("unrolling", parameters={"steps": 5}))
    trained(model)
    assert (model.evaluations, model.vjps) == (5 * TRAIN.steps, 5 * TRAIN.steps)


class Fragile(nn.Module):
    """A factor that becomes NaN at a given call."""

    def __init__(self, breaks_at: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))
        self.calls, self.breaks_at = 0, breaks_at

    def forward(self, observed: Tensor) -> Tensor:
        self.calls += 1
        return observed * self.factor * (math.nan if self.calls == self.breaks_at else 1.0)


def test_loss_that_is_not_finite_ends_training_and_keeps_the_curve() -> None:
    log = TrainingLog(Clock("cpu"))
    config = TrainConfig(steps=9, batch_size=2, evaluate_every=2)
    model = FeedForwardModel(Fragile(breaks_at=6))
    with pytest.raises(Diverged, match=r"the loss is not finite \(nan\) at step 6"):
        train(model, random_pairs(), config, 0, log, lambda: QUALITY, lambda *_: None)
    assert [point["step"] for point in log.curve] == [0, 2, 4]
    assert len(log.steps) == 6  # the last of them says what the loss was
    assert math.isnan(float(str(log.steps[-1]["loss"])))


@pytest.mark.parametrize(("count", "batch_size"), [(10, 2), (10, 3), (4, 8), (5, 5)])
def test_every_index_comes_once_per_epoch(count: int, batch_size: int) -> None:
    stream = torch.cat(list(islice(batch_indices(count, batch_size, seed=3), 6 * count)))
    epochs = stream[: len(stream) // count * count].view(-1, count)
    assert (epochs.sort(dim=1).values == torch.arange(count)).all()
    assert not (epochs[1:] == epochs[0]).all()  # shuffled anew


def test_batches_are_of_their_size_and_decided_by_the_seed() -> None:
    first, same, other = (list(islice(batch_indices(50, 8, seed), 9)) for seed in (1, 1, 2))
    assert {len(batch) for batch in first} == {8}
    assert torch.equal(torch.cat(first), torch.cat(same))
    assert not torch.equal(torch.cat(first), torch.cat(other))


def two_images() -> tuple[Tensor, Tensor]:
    """Mean squared errors of 0.01 and 0.0001."""
    clean = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    return clean + torch.tensor([0.1, -0.01]).view(2, 1, 1, 1), clean


def test_losses_by_hand() -> None:
    image, clean = two_images()
    assert training_loss("mse", image, clean).item() == pytest.approx((0.01 + 0.0001) / 2)
    expected = 10 * (math.log10(0.01 + LOSS_FLOOR) + math.log10(0.0001 + LOSS_FLOOR)) / 2
    assert training_loss("psnr", image, clean).item() == pytest.approx(expected)


def test_psnr_loss_of_a_perfect_image_has_a_gradient() -> None:
    clean = two_images()[1]
    image = clean.clone().requires_grad_()
    training_loss("psnr", image, clean).backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


def test_step_without_update_leaves_no_trace_but_the_counts() -> None:
    model, pairs = model_of(run_config()), random_pairs(2)
    before = [weight.clone() for weight in model.parameters()]
    step_without_update(model, pairs.observed, pairs.clean, "mse")
    for weight, expected in zip(model.parameters(), before, strict=True):
        assert weight.grad is None
        assert torch.equal(weight, expected)
    assert model.vjps == 1


@pytest.mark.parametrize(
    ("every", "growth", "steps", "points"),
    [
        (10, 0.0, 25, [10, 20, 25]),
        (2, 0.5, 20, [2, 4, 6, 9, 13, 19, 20]),
        (50, 0.1, 30, [30]),
        (1, 1.0, 10, [1, 2, 4, 8, 10]),
    ],
)
def test_evaluation_steps_by_hand(every: int, growth: float, steps: int, points: list[int]) -> None:
    config = TrainConfig(steps=steps, evaluate_every=every, evaluate_growth=growth)
    assert sorted(evaluation_steps(config)) == points


@pytest.mark.parametrize("preset", PRESETS)
def test_evaluations_are_dense_where_targets_are_reached(preset: str) -> None:
    """From a sixth of training on, the interval is at most 5 % of the steps, in under 90 points."""
    request = GridRequest("jfb", preset=preset, device="cpu")
    config = from_plain(build_grid(request)[0].config).train
    points = sorted(evaluation_steps(config))
    late = [(a, b) for a, b in pairwise(points) if b >= config.steps / 6]
    assert max((b - a) / b for a, b in late) <= 0.05
    assert len(points) < 90


def test_warm_up_tells_what_a_first_pass_costs(fake_time: FakeTime) -> None:
    class Compiled(FeedForwardModel):
        def image(self, observed: Tensor, samples: Tensor | None = None) -> Tensor:
            fake_time.now += 1 if self.module.calls else 60
            return super().image(observed)

    assert warm_up(Compiled(Fragile(0)), random_pairs(), TRAIN) == (61, 59)


def test_warm_up_counts_nothing_and_changes_nothing() -> None:
    model = model_of(run_config())
    before = [weight.clone() for weight in model.parameters()]
    warm_up(model, random_pairs(), TRAIN)
    assert (model.evaluations, model.vjps) == (0, 0)
    assert model.trace.forward.samples == 0
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))


class FakeTime:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def perf_counter(self) -> float:
        return self.now

    def process_time(self) -> float:
        return 2 * self.now


@pytest.fixture
def fake_time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    namespace = SimpleNamespace(perf_counter=fake.perf_counter, process_time=fake.process_time)
    monkeypatch.setattr(clock_module, "time", namespace)
    monkeypatch.setattr(training_module, "time", namespace)
    return fake


def test_clock_adds_up_its_blocks_and_nothing_else(fake_time: FakeTime) -> None:
    clock = Clock("cpu")
    for name, inside, outside in (("data", 1.0, 50.0), ("forward", 0.5, 7.0), ("data", 2.0, 1.0)):
        with clock.phase(name):
            fake_time.now += inside
        fake_time.now += outside
    assert clock.phases == {"data": 3.0, "forward": 0.5}
    assert (clock.seconds, clock.cpu_seconds) == (3.5, 7.0)


def test_clock_does_not_count_a_block_that_raises(fake_time: FakeTime) -> None:
    clock = Clock("cpu")

    def fail() -> None:
        with clock.phase("forward"):
            fake_time.now += 1
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert clock.seconds == 0


def test_training_time_is_that_of_the_steps_without_evaluation(fake_time: FakeTime) -> None:
    class Slow(FeedForwardModel):
        def image(self, observed: Tensor, samples: Tensor | None = None) -> Tensor:
            fake_time.now += 1
            return super().image(observed)

    def evaluate() -> Quality:
        fake_time.now += 100
        return QUALITY

    log = trained(Slow(Fragile(0)), evaluate=evaluate)
    assert log.clock.seconds == TRAIN.steps
    assert [point["train_seconds"] for point in log.curve] == [0, 3, 6]


def test_batches_are_those_of_the_order_stream() -> None:
    """Image and observation of a step are a pair, and in the order that the seed decides."""
    pairs = random_pairs()
    seen: list[Tensor] = []

    class Watching(FeedForwardModel):
        def image(self, observed: Tensor, samples: Tensor | None = None) -> Tensor:
            seen.append(observed)
            return super().image(observed)

    identity = Pairs(pairs.clean, pairs.clean)
    log = TrainingLog(Clock("cpu"))
    train(Watching(Fragile(0)), identity, TRAIN, 4, log, lambda: QUALITY, lambda *_: None)
    expected = [identity.observed[batch] for batch in islice(batch_indices(5, 2, 4), TRAIN.steps)]
    assert all(torch.equal(a, b) for a, b in zip(seen, expected, strict=True))
    # The first factor is 1, and with y = x only matching pairs have no error.
    assert log.curve[1]["loss"] == pytest.approx(10 * math.log10(LOSS_FLOOR), abs=1e-3)
