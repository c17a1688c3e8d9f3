"""What a gradient has to be, whatever its formula."""

from __future__ import annotations

from dataclasses import replace

import torch

from bench.contracts.cases import LayerCase
from bench.contracts.differentiation import (
    SEED,
    differentiate,
    differentiate_bound,
    filled,
    flat,
    require_close,
)
from bench.contracts.requirement import require
from bench.contracts.stochastic import refuse_draws
from bench.measurement.reproducibility import generators_kept, seed_generators
from methods.base import GradientMethod
from methods.solvers.forward import ForwardSolver

SMALL_SCALE = 2.0**-20  # about 1e-6; a power of two, so that scaling itself rounds nothing
SAME_BITS = 1e-12
TEST_IMAGE = {torch.float64: 1e-9, torch.float32: 1e-4}
ONE_BY_ONE = {torch.float64: 1e-7, torch.float32: 1e-3}


def shape_and_dtype(method: GradientMethod, case: LayerCase) -> None:
    """The image has the shape of y; image and gradients have the dtype of y."""
    result = differentiate(method, case)
    shape, dtype = tuple(result.image.shape), result.image.dtype
    require(shape == tuple(case.shape), f"the image has shape {shape}, y {tuple(case.shape)}")
    require(dtype == case.dtype, f"the image has dtype {dtype}, y {case.dtype}")
    for gradient, value in zip(result.gradients, case.inputs, strict=True):
        require(gradient.dtype == value.dtype, f"a gradient has dtype {gradient.dtype}")
        require(bool(gradient.isfinite().all()), "a gradient is not finite")


def reaches_every_weight(method: GradientMethod, case: LayerCase) -> None:
    """Every weight gets a gradient."""
    names = [name for name, _ in case.layer.named_parameters()]
    gradients = differentiate(method, case).gradients
    missed = [name for name, g in zip(names, gradients, strict=True) if not g.any()]
    require(not missed, f"no gradient for {', '.join(missed)}")


def image_at_test_time(method: GradientMethod, case: LayerCase) -> None:
    """The test image equals the training image and has no autograd graph."""
    layer, start = case.condition()
    with torch.no_grad():
        image = method.reconstruct(layer, start, ForwardSolver(case.tight))
    require(not image.requires_grad, "the test image has an autograd graph")
    trained = differentiate(method, case).image
    same = torch.allclose(image, trained, atol=TEST_IMAGE[case.dtype])
    require(same, f"test and training images differ by up to {(image - trained).abs().max():.1e}")


def loss_scale(method: GradientMethod, case: LayerCase) -> None:
    """A loss scaled by 1e-6 gives the gradient scaled by 1e-6."""
    small = differentiate(method, case, scale=SMALL_SCALE).gradients
    expected = tuple(SMALL_SCALE * g for g in differentiate(method, case).gradients)
    require_close(small, expected, 1e-6, "for a loss scaled by 1e-6")


def zero_cotangent(method: GradientMethod, case: LayerCase) -> None:
    """The gradient is exactly zero if ∂ℓ/∂z is."""
    gradients = differentiate(method, case, scale=0.0).gradients
    require(bool(flat(gradients).isfinite().all()), "the gradient of a zero loss is not finite")
    require(not flat(gradients).any(), "the gradient of a zero loss is not zero")


def samples_apart(method: GradientMethod, case: LayerCase) -> None:
    """The gradient of a batch is the sum of the gradients of its images.

    The solvers of other libraries end a batch as a whole: there it is so at their limit alone.
    """
    refuse_draws(method)
    method = method.at_limit() if method.library else method
    together = differentiate(method, case).gradients
    alone = [differentiate(method, case.sample(index)).gradients for index in range(case.shape[0])]
    expected = tuple(sum(parts, torch.zeros(())) for parts in zip(*alone, strict=True))
    require_close(
        together, expected, ONE_BY_ONE[case.dtype], "a batch compared with its single images"
    )


@generators_kept()
def only_weights_get_gradients(method: GradientMethod, case: LayerCase) -> None:
    """Only .backward() fills .grad, with the same gradient as autograd.grad."""
    layer, start = case.condition()
    start.requires_grad_()
    try:
        seed_generators(2 * SEED)
        image = method.fixed_point(layer, start, ForwardSolver(case.tight))
        require(all(w.grad is None for w in case.weights), "the forward pass filled .grad")
        seed_generators(2 * SEED + 1)
        case.loss(image).backward()
        found = filled([w.grad for w in case.weights], case.weights)
    finally:
        for weight in case.weights:
            weight.grad = None
    expected = differentiate(method, case).gradients
    require_close(found, expected, SAME_BITS, ".backward() compared with autograd.grad")


def computed_weights(method: GradientMethod, case: LayerCase) -> None:
    """Gradients pass through computed weights: for θ = 2φ, dℓ/dφ = 2 dℓ/dθ."""
    named = case.layer.named_parameters()
    leaves = {name: (weight.detach() / 2).requires_grad_() for name, weight in named}
    bound = case.condition({name: 2 * leaf for name, leaf in leaves.items()})
    found = differentiate_bound(method, case, bound, tuple(leaves.values())).gradients
    expected = tuple(2 * g for g in differentiate(method, case).gradients)
    require_close(found, expected, SAME_BITS, "through computed weights")


def finite_when_cut_short(method: GradientMethod, case: LayerCase) -> None:
    """Image and gradient are finite after a single forward iteration."""
    cut = replace(case.tight, max_iterations=1)
    result = differentiate(method, case, cut)
    require(bool(result.image.isfinite().all()), "the image is not finite")
    require(bool(flat(result.gradients).isfinite().all()), "the gradient is not finite")
