"""A gradient step on a convex potential, z - h Wᵀ φ_τ(W z), with its derivatives written out.

W is a circular convolution with F filters, the same for each colour; its features are in groups,
and φ_τ(q) = τ q / s with s = (|q|² + τ²)^½, |q| over a group and all colours. With a = τ / s,

    (∂φ/∂q) v = a (v - q (q·v) / s²)   and   ∂φ/∂τ = q (1 - a²) / s.

The Jacobian J of the step in z is symmetric, and a product with it costs as much as a step. On a
CPU this is two to five times as fast as PyTorch's convolutions and their graph (docs/speed.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from methods.networks.implicit_layer.batching import is_transformed


class PotentialStep:
    """z -> z - h Wᵀ φ_τ(W z), for z (N, C, H, W).

    weight: W (F, 1, k, k), k odd and at most H and W; threshold: τ > 0 (N, G, H, W), G groups of
    F / G filters; size: h, a scalar. What does not depend on z is computed once, here.

    Features are computed on a grid with a margin of k // 2 pixels on each side, which repeats the
    opposite inside, so that an image is padded once for W and Wᵀ. They are rows (F, C · L), with a
    column for each colour, image and pixel of the grid: L = N (H + k - 1) (W + k - 1).
    """

    def __init__(self, weight: Tensor, threshold: Tensor, size: Tensor) -> None:
        self._parameters = _inner(weight), _inner(threshold), _inner(size)
        self._learned = any(each.requires_grad for each in self._parameters)
        self._side, self._margin = weight.shape[-1], weight.shape[-1] // 2
        count, self._groups = threshold.shape[:2]
        padded = _wrapped(threshold.detach(), self._margin).transpose(0, 1)
        self._grid = (count, *padded.shape[-2:])
        self._threshold = padded.reshape(self._groups, -1)  # (G, L)
        self._square = self._threshold.square()
        self._analysis = weight.detach().flatten(1)  # (F, k²)
        self._synthesis = -size.detach() * self._analysis.T  # (k², F)

    def __call__(self, z: Tensor) -> Tensor:
        """The step from z, (N, C, H, W) to the same shape."""
        if any(map(is_transformed, (z, *self._parameters))):
            return by_convolutions(z, *self._parameters)
        if torch.is_grad_enabled() and (z.requires_grad or self._learned):
            stepped: Tensor = _Step.apply(_inner(z), *self._parameters, self)  # type: ignore[no-untyped-call]
            return stepped
        return self.linearised(z)[0]

    def linearised(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The step from z; what its derivatives need: q = W z (G, F/G · C, L), 1 / s (G, L)."""
        q = self._by_group(self._analysis @ self._patches(z))
        inverse = (q.square().sum(1) + self._square).rsqrt()
        return self._added(z, q * (self._threshold * inverse).unsqueeze(1)), q, inverse

    def product(self, v: Tensor, q: Tensor, inverse: Tensor) -> Tensor:
        """J v = Jᵀ v, (N, C, H, W), at the z from which `linearised` gave q and 1 / s."""
        mapped, _ = _differential(self._by_group(self._analysis @ self._patches(v)), q, inverse)
        return self._added(v, mapped * (self._threshold * inverse).unsqueeze(1))

    def pulled(
        self, v: Tensor, z: Tensor, q: Tensor, inverse: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Jᵀ v, and vᵀ times the derivatives in weight, threshold and size, shaped as these."""
        weight, _, size = self._parameters
        patches = self._patches(v)
        mapped, overlap = _differential(self._by_group(self._analysis @ patches), q, inverse)
        a = self._threshold * inverse
        product = self._added(v, mapped * a.unsqueeze(1))
        inner = self._without_margin(a)  # so that sums over the grid are sums over the images
        shrunk, mapped = ((each * inner.unsqueeze(1)).view(len(weight), -1) for each in (q, mapped))
        of_weight = -size * (shrunk @ patches.T + mapped @ self._patches(z).T)
        of_threshold = -size * self._inside(overlap * inverse * (1 - a.square())).transpose(0, 1)
        return product, of_weight.view_as(weight), of_threshold, -(overlap * inner).sum()

    def _patches(self, z: Tensor) -> Tensor:
        """The k × k pixels around each pixel of the grid: (k², C · L)."""
        side = self._side
        windows = _wrapped(z, 2 * self._margin).unfold(2, side, 1).unfold(3, side, 1)
        return windows.permute(4, 5, 1, 0, 2, 3).reshape(side**2, -1)

    def _added(self, z: Tensor, features: Tensor) -> Tensor:
        """z - h Wᵀ features, for z (N, C, H, W): a product, then sums of shifted images."""
        height, width = z.shape[-2:]
        images = self._synthesis @ features.view(len(self._analysis), -1)
        images = images.view(self._side, self._side, -1, *self._grid)
        # Filters are mirrored in Wᵀ: the first pixel of a row or column is shifted furthest.
        starts = range(self._side - 1, -1, -1)
        rows = _total(images[:, i, ..., at : at + width] for i, at in enumerate(starts))
        columns = _total(rows[i, ..., at : at + height, :] for i, at in enumerate(starts))
        return z + columns.transpose(0, 1)

    def _by_group(self, features: Tensor) -> Tensor:
        return features.view(self._groups, -1, self._threshold.shape[1])

    def _inside(self, values: Tensor) -> Tensor:
        """The values (G, L) of the grid without its margin: (G, N, H, W)."""
        inside = slice(self._margin, -self._margin)
        return values.view(self._groups, *self._grid)[..., inside, inside]

    def _without_margin(self, values: Tensor) -> Tensor:
        """The values (G, L) with zeros in the margin."""
        return functional.pad(self._inside(values), (self._margin,) * 4).view_as(values)


def by_convolutions(z: Tensor, weight: Tensor, threshold: Tensor, size: Tensor) -> Tensor:
    """The same step in operations of PyTorch, which can be differentiated in any way, if slowly."""
    count, channels, height, width = z.shape
    groups, margin = threshold.shape[1], weight.shape[-1] // 2
    single = z.reshape(count * channels, 1, height, width)
    features = functional.conv2d(_wrapped(single, margin), weight)
    grouped = features.view(count, channels, groups, -1, height, width)
    square = threshold[:, None, :, None].square()
    energy = grouped.square().sum((1, 3), keepdim=True)
    shrunk = grouped * (threshold[:, None, :, None] * torch.rsqrt(energy + square))
    # The adjoint of a circular convolution is the convolution with the mirrored filters.
    mirrored = weight.flip(2, 3).transpose(0, 1)
    removed = functional.conv2d(_wrapped(shrunk.view_as(features), margin), mirrored)
    return z - size * removed.view_as(z)


class _Step(torch.autograd.Function):
    """The step as a node of PyTorch's graph, of z and its parameters."""

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, weight: Tensor, threshold: Tensor, size: Tensor, step: PotentialStep
    ) -> Tensor:
        stepped, q, inverse = step.linearised(z)
        ctx.save_for_backward(z, weight, threshold, size, q, inverse)
        ctx.step = step
        return stepped

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, q, inverse = ctx.saved_tensors
        of_parameters = any(map(_is_wanted, ctx.next_functions[1:]))
        gradients: tuple[Tensor, ...]
        if torch.is_grad_enabled():  # with create_graph=True
            if of_parameters or is_transformed(v):
                # Not torch.autograd.grad, because z may depend on the parameters too.
                gradients = torch.func.vjp(by_convolutions, *inputs)[1](v)
            else:
                gradients = (_product(v, inputs, q, inverse, ctx.step),)
        elif of_parameters:
            gradients = ctx.step.pulled(v, inputs[0], q, inverse)
        else:
            gradients = (ctx.step.product(v, q, inverse),)
        return _filled(gradients, 5)


class _Product(torch.autograd.Function):
    """The product of a vector and the Jacobian of the step in z, as a node of PyTorch's graph."""

    @staticmethod
    def forward(
        ctx: Any,
        v: Tensor,
        z: Tensor,
        weight: Tensor,
        threshold: Tensor,
        size: Tensor,
        q: Tensor,
        inverse: Tensor,
        step: PotentialStep,
    ) -> Tensor:
        ctx.save_for_backward(v, z, weight, threshold, size, q, inverse)
        ctx.step = step
        return step.product(v, q, inverse)

    @staticmethod
    def backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, ...]:
        v, *inputs, q, inverse = ctx.saved_tensors
        gradients: tuple[Tensor, ...]
        recording = torch.is_grad_enabled()
        if any(map(_is_wanted, ctx.next_functions[1:])) or (recording and is_transformed(u)):
            gradients = torch.func.vjp(_product_by_convolutions, v, *inputs)[1](u)
        elif recording:
            gradients = (_product(u, inputs, q, inverse, ctx.step),)
        else:
            gradients = (ctx.step.product(u, q, inverse),)
        return _filled(gradients, 8)


def _product(
    v: Tensor, inputs: Sequence[Tensor], q: Tensor, inverse: Tensor, step: PotentialStep
) -> Tensor:
    product: Tensor = _Product.apply(v, *inputs, q, inverse, step)  # type: ignore[no-untyped-call]
    return product


def _filled(gradients: tuple[Tensor, ...], inputs: int) -> tuple[Tensor | None, ...]:
    """One gradient for each input of a node, None for those at the end."""
    return *gradients, *[None] * (inputs - len(gradients))


def _product_by_convolutions(v: Tensor, z: Tensor, *parameters: Tensor) -> Tensor:
    pull = torch.func.vjp(lambda z: by_convolutions(z, *parameters), z)[1]
    product: Tensor = pull(v)[0]
    return product


def _is_wanted(following: tuple[Any, ...]) -> bool:
    """Whether this backward pass goes on to a node, which is not that of a leaf.

    ctx.needs_input_grad says only whether any backward pass could.
    """
    node = following[0]
    return node is not None and torch._C._will_engine_execute_node(node)


def _inner(tensor: Tensor) -> Tensor:
    """The same tensor, not a leaf, whose node PyTorch does not let `_is_wanted` ask about."""
    return tensor.view_as(tensor)


def _differential(u: Tensor, q: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """(u - q (q·u) / s²), shaped as u and q (G, F/G · C, L), and q·u (G, L)."""
    overlap = (q * u).sum(1)
    return torch.addcmul(u, q, (overlap * inverse.square()).unsqueeze(1), value=-1), overlap


def _total(images: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, images)


def _wrapped(images: Tensor, margin: int) -> Tensor:
    """Images (..., H, W) with a margin that repeats the opposite side."""
    images = torch.cat([images[..., -margin:, :], images, images[..., :margin, :]], -2)
    return torch.cat([images[..., -margin:], images, images[..., :margin]], -1)
