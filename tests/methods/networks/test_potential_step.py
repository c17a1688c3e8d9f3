"""The step with written-out derivatives against the same step in operations of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from methods.networks.modules.potential_step import PotentialStep, by_convolutions
from tests.support.layers import generator, make_layer, random_images

Inputs = tuple[Tensor, Tensor, Tensor, Tensor]  # z, weight, threshold, size
NAMES = "z", "weight", "threshold", "size"
CASES = pytest.mark.parametrize(
    ("channels", "side", "groups"), [(1, 3, 2), (3, 3, 2), (3, 3, 8), (2, 5, 6)]
)


def make_inputs(channels: int = 1, side: int = 3, groups: int = 2) -> Inputs:
    """Two images of 7 × 6 pixels and parameters that differ everywhere, in float64."""
    draw, kind = generator(side + channels), torch.float64
    z = torch.randn(2, channels, 7, 6, generator=draw, dtype=kind)
    weight = torch.randn(side**2 - 1, 1, side, side, generator=draw, dtype=kind) / side**2
    threshold = 0.05 + torch.rand(2, groups, 7, 6, generator=draw, dtype=kind)
    inputs = z, weight, threshold, torch.tensor(0.8, dtype=kind)
    return tuple(each.requires_grad_() for each in inputs)  # type: ignore[return-value]


def by_hand(z: Tensor, weight: Tensor, threshold: Tensor, size: Tensor) -> Tensor:
    return PotentialStep(weight, threshold, size)(z)


def assert_alike(found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= 1e-12 * (1 + theirs.abs().max())


@CASES
def test_the_step_and_its_gradients(channels: int, side: int, groups: int) -> None:
    inputs = make_inputs(channels, side, groups)
    v = torch.randn(inputs[0].shape, generator=generator(), dtype=torch.float64)
    found, expected = by_hand(*inputs), by_convolutions(*inputs)
    assert_alike([found], [expected])
    with torch.no_grad():
        assert_alike([by_hand(*inputs)], [expected])
    assert_alike(torch.autograd.grad(found, inputs, v), torch.autograd.grad(expected, inputs, v))


@pytest.mark.parametrize("index", range(4), ids=NAMES)
def test_each_gradient_alone(index: int) -> None:
    """As where the others are not learned, and where a backward pass does not ask for them."""
    inputs = make_inputs(channels=3)
    v = torch.randn(inputs[0].shape, generator=generator(), dtype=torch.float64)
    expected = torch.autograd.grad(by_convolutions(*inputs), inputs[index], v)
    assert_alike(torch.autograd.grad(by_hand(*inputs), inputs[index], v), expected)
    alone = [each.detach().requires_grad_(i == index) for i, each in enumerate(inputs)]
    by_hand(*alone).backward(v)
    assert_alike([alone[index].grad], expected)
    assert [each.grad is not None for each in alone] == [i == index for i in range(4)]


@CASES
def test_second_derivatives(channels: int, side: int, groups: int) -> None:
    """Of all inputs, with a z that depends on the weights, as in unrolling."""
    inputs = make_inputs(channels, side, groups)
    draw = generator(5)
    v, *weights = (
        torch.randn(each.shape, generator=draw, dtype=torch.float64)
        for each in (inputs[0], *inputs)
    )
    v.requires_grad_()

    def second(step: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        z = inputs[0] * inputs[1].sum()
        first = torch.autograd.grad(step(z, *inputs[1:]), (z, *inputs[1:]), v, create_graph=True)
        total = sum((a * b).sum() for a, b in zip(first, weights, strict=True))
        return torch.autograd.grad(total, (*inputs, v))

    assert_alike(second(by_hand), second(by_convolutions))


@CASES
def test_derivatives_of_a_product(channels: int, side: int, groups: int) -> None:
    """Of Jᵀ v alone, in all it depends on: with one vector, and with several at once."""
    inputs = make_inputs(channels, side, groups)
    z = inputs[0]
    draw = generator(5)
    v, u = (torch.randn(z.shape, generator=draw, dtype=z.dtype) for _ in range(2))
    v.requires_grad_()

    def second(step: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        (product,) = torch.autograd.grad(step(*inputs), z, v, create_graph=True)
        alone = torch.autograd.grad(product, (*inputs, v), u, retain_graph=True)
        both, options = torch.stack([u, v]), {"is_grads_batched": True, "create_graph": True}
        found = torch.autograd.grad(product, v, both, **options)
        total = sum(each.pow(3).sum() for each in found)
        return *alone, *found, *torch.autograd.grad(total, inputs)

    assert_alike(second(by_hand), second(by_convolutions))


def test_third_derivatives() -> None:
    inputs = make_inputs()

    def third(step: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        value = step(*inputs).pow(2).sum()
        for _ in range(2):
            first = torch.autograd.grad(value, inputs, create_graph=True)
            value = sum(each.square().sum() for each in first)  # type: ignore[assignment]
        return torch.autograd.grad(value, inputs)

    for ours, theirs in zip(third(by_hand), third(by_convolutions), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # PyTorch's own, at first use
def test_every_way_of_pytorch_to_the_jacobian() -> None:
    """Batched, by torch.func in both directions, forward mode, and the second of the reverse."""
    z, *parameters = make_inputs()
    z = z.detach()
    size = z.numel()

    def function(z: Tensor) -> Tensor:
        return by_hand(z, *parameters)

    jacobian = torch.autograd.functional.jacobian
    expected = jacobian(lambda z: by_convolutions(z, *parameters), z).view(size, size)
    units = torch.eye(size, dtype=z.dtype).view(size, *z.shape)
    columns = []
    for unit in units[:3]:
        with forward_ad.dual_level():
            columns.append(
                forward_ad.unpack_dual(function(forward_ad.make_dual(z, unit))).tangent.flatten()
            )
    assert_alike(columns, list(expected.T[:3]))
    point = z.clone().requires_grad_()
    value = function(point)
    probe = torch.zeros_like(value, requires_grad=True)
    (pulled,) = torch.autograd.grad(value, point, probe, create_graph=True)
    (pushed,) = torch.autograd.grad(pulled, probe, units[1], retain_graph=True)
    assert_alike([pushed.flatten()], [expected[:, 1]])
    for found in (
        jacobian(function, z, vectorize=True),
        jacobian(function, z, vectorize=True, create_graph=True),
        torch.func.jacrev(function)(z),
        torch.func.jacfwd(function)(z),
        torch.vmap(lambda v: torch.autograd.grad(value, point, v, retain_graph=True)[0])(units),
        torch.autograd.grad(value, point, units, is_grads_batched=True)[0],
    ):
        assert_alike([found.reshape(size, size)], [expected])


def test_a_batched_jacobian_can_be_differentiated() -> None:
    z, *parameters = make_inputs()

    def gradient(step: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        jacobian = torch.autograd.functional.jacobian(
            lambda z: step(z, *parameters), z.detach(), vectorize=True, create_graph=True
        )
        return torch.autograd.grad(jacobian.pow(3).sum(), parameters)

    assert_alike(gradient(by_hand), gradient(by_convolutions))


def test_single_precision_loses_as_little() -> None:
    exact = make_inputs(channels=3)
    single = [each.detach().float() for each in exact]
    expected = by_convolutions(*exact)
    errors = [
        float((step(*single).double() - expected).detach().abs().max())
        for step in (by_hand, by_convolutions)
    ]
    assert errors[0] <= 3 * errors[1] < 1e-5


def test_a_product_computes_no_gradient_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products with Jᵀ, and J v, are many in a step; the weights' gradient is computed once."""
    calls: list[str] = []
    for name in ("product", "pulled"):
        whole = getattr(PotentialStep, name)

        def counted(
            *args: Tensor, name: str = name, whole: Callable[..., object] = whole
        ) -> object:
            calls.append(name)
            return whole(*args)

        monkeypatch.setattr(PotentialStep, name, counted)
    layer = make_layer("degrad", blocks=2)
    function, start = layer.condition(random_images())
    point = start.detach().requires_grad_()
    value = function(point)
    (product,) = torch.autograd.grad(value, point, value.detach(), retain_graph=True)
    assert calls == ["product"] * 2
    (pulled,) = torch.autograd.grad(value, point, value, create_graph=True)
    torch.autograd.grad(pulled, value, product, retain_graph=True)
    assert calls == ["product"] * 6
    value.backward(product)
    assert calls == ["product"] * 6 + ["pulled"] * 2


@pytest.mark.parametrize("channels", [1, 3])
def test_the_margin_repeats_the_opposite_side(channels: int) -> None:
    """Shifting the image and the thresholds in a circle shifts the result."""
    z, weight, threshold, size = make_inputs(channels)
    shifts = [(1, 0), (3, 2), (0, 5)]
    for shift in shifts:
        moved = by_hand(z.roll(shift, (2, 3)), weight, threshold.roll(shift, (2, 3)), size)
        assert_alike([moved], [by_hand(z, weight, threshold, size).roll(shift, (2, 3))])
