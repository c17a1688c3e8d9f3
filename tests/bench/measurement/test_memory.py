from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from bench.config.settings import ForwardConfig
from bench.measurement.memory import LiveTensorBytes, measure_peak
from bench.measurement.models import build_model
from bench.measurement.training import step_without_update
from problems.data import Pairs
from tests.support.networks import PROBLEM, model_of, random_pairs, run_config

KILOBYTE = 1024  # a tensor of 256 float32


def kilobyte() -> Tensor:
    return torch.zeros(256)


def peak_of(work: Callable[[], object]) -> float:
    peak = measure_peak(work, "cpu")
    assert peak.source == "live_tensors"
    return peak.bytes / KILOBYTE


def test_tensors_that_are_kept_add_up() -> None:
    with LiveTensorBytes() as live:
        a, b = kilobyte(), kilobyte()
        c = a + b
    assert (live.current, live.peak) == (3 * KILOBYTE, 3 * KILOBYTE)
    del a, b, c
    assert live.current == 0


def test_what_is_freed_no_longer_counts_but_the_peak_stays() -> None:
    with LiveTensorBytes() as live:
        a = kilobyte()
        del a
        b = kilobyte()
        assert (live.current, live.peak) == (KILOBYTE, KILOBYTE)
        c = kilobyte()
        del b
        d = torch.zeros(64)
    assert (live.current, live.peak) == (1.25 * KILOBYTE, 2 * KILOBYTE)
    del c, d


def test_temporary_of_an_expression_counts_while_it_lives() -> None:
    a = kilobyte()
    assert peak_of(lambda: (a + 1) * 2) == 2


def test_what_was_there_before_is_not_counted() -> None:
    a = kilobyte()
    assert peak_of(lambda: a.view(16, 16).t()) == 0
    assert peak_of(lambda: a.add_(1)) == 0
    assert peak_of(lambda: torch.add(a, 1, out=a)) == 0


@pytest.mark.parametrize(
    "view", [lambda a: a[10:], lambda a: a.view(16, 16), lambda a: a.expand(3, 256), Tensor.detach]
)
def test_views_are_not_counted_again(view: Callable[[Tensor], Tensor]) -> None:
    with LiveTensorBytes() as live:
        a = kilobyte()
        b = view(a)
        assert live.current == KILOBYTE
        del a  # the view keeps the storage
        assert live.current == KILOBYTE
        del b
        assert live.current == 0


def test_in_place_operations_count_nothing() -> None:
    with LiveTensorBytes() as live:
        a = kilobyte()
        a.mul_(2).add_(1)
        a[3:5] = 7
    assert live.peak == KILOBYTE


def test_types_and_several_results() -> None:
    with LiveTensorBytes() as live:
        values, indices = torch.zeros(256, dtype=torch.float64).sort()
    assert live.peak == 3 * 8 * 256
    del values, indices


def test_tensor_saved_for_the_backward_pass_counts_until_then() -> None:
    weight = torch.ones(256, requires_grad=True)
    with LiveTensorBytes() as live:
        z = (weight * 2).exp().sum()  # exp saves its result; the product is let go
        assert live.current == KILOBYTE + 4
        z.backward()
        del z
        assert live.current == KILOBYTE  # weight.grad
    assert live.peak >= 2 * KILOBYTE
    weight.grad = None
    assert live.current == 0


def test_graph_that_grows_is_counted_link_by_link() -> None:
    weight = torch.ones(256, requires_grad=True)

    def chain(length: int) -> float:
        def work() -> None:
            z: Tensor = weight
            for _ in range(length):
                z = z.exp()

        return peak_of(work)

    assert [chain(length) for length in (1, 4, 9)] == [1, 4, 9]


def test_nested_results_and_reused_addresses() -> None:
    """Memory that is freed and given out again at the same address counts once at a time."""
    with LiveTensorBytes() as live:
        for _ in range(50):
            kept = [part + 1 for part in torch.zeros(4, 64).unbind()]
            assert live.current == KILOBYTE
            del kept
        assert live.current == 0
    assert live.peak == 2 * KILOBYTE  # the parts, and what they were taken from


@pytest.fixture
def without_collector() -> object:
    """So that nothing is freed late because it waits for a garbage collection."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def peak_of_step(
    method: str,
    layer: str,
    parameters: dict[str, object] | None = None,
    forward: ForwardConfig | None = None,
) -> float:
    model = model_of(run_config(method, layer, parameters=parameters, forward=forward))
    pairs = random_pairs(2)
    return peak_of(lambda: step_without_update(model, pairs.observed, pairs.clean, "mse"))


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("layer", ["degrad", "deprox"])
def test_unrolling_grows_linearly_with_its_steps(layer: str) -> None:
    five, ten, twenty = (peak_of_step("unrolling", layer, {"steps": k}) for k in (5, 10, 20))
    per_step = (ten - five) / 5
    assert (twenty - ten) / 10 == pytest.approx(per_step, rel=0.05)
    assert per_step > 2 * 2  # more than the two images of a batch, of 1 kB each
    assert twenty > 2 * five  # the part that does not grow is the threshold guide


FORWARDS = [
    ForwardConfig(tolerance=1e-9, max_iterations=5),
    ForwardConfig(tolerance=1e-9, max_iterations=40),
    ForwardConfig(tolerance=0.5),
]


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("layer", ["degrad", "deprox"])
@pytest.mark.parametrize("method", ["jfb", "ift"])
def test_implicit_gradient_has_the_same_peak_whatever_the_forward_solver_does(
    method: str, layer: str
) -> None:
    peaks = [peak_of_step(method, layer, forward=forward) for forward in FORWARDS]
    assert max(peaks) <= 1.05 * min(peaks)
    assert max(peaks) < peak_of_step("unrolling", layer, {"steps": 20}) / 3


@pytest.mark.usefixtures("without_collector")
def test_same_step_has_the_same_peak_each_time() -> None:
    assert peak_of_step("jfb", "degrad") == peak_of_step("jfb", "degrad")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", ["jfb", "ift", "unrolling"])
def test_live_tensors_agree_with_the_cuda_allocator(method: str) -> None:
    """On the same step, the workspace of kernels excluded: the tracker cannot see it."""
    config = replace(run_config(method), device="cuda")
    model = build_model(config, PROBLEM.physics("cuda"))
    host = random_pairs(4)
    pairs = Pairs(host.clean.cuda(), host.observed.cuda())

    def step() -> None:
        step_without_update(model, pairs.observed, pairs.clean, "mse")

    with torch.backends.cudnn.flags(enabled=False):
        step()
        with LiveTensorBytes() as live:
            step()
        assert measure_peak(step, "cuda").bytes == pytest.approx(live.peak, rel=0.05)
