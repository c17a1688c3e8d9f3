"""Every registered network, as the learned part of every layer."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from bench.contracts.cases import perturb
from bench.errors import UserError
from bench.registry import LAYERS
from methods.ift import ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.base import Network
from methods.networks.convex_potential import ConvexPotential
from methods.networks.deepinv_model import DeepinvModel
from methods.networks.dncnn import SpectralDnCNN
from methods.networks.implicit_layer import ImplicitLayer
from methods.networks.implicit_layer.contraction import jacobian_norm
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from problems.motion import MotionBlur
from tests.support.layers import distances, generator, random_images

NETWORKS = {
    "convex_potential": ConvexPotential(guide_features=2),
    "dncnn": SpectralDnCNN(depth=3, features=4),
    "deepinv": DeepinvModel("DnCNN"),
}
EVERY_NETWORK = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
EVERY_LAYER = pytest.mark.parametrize("layer", LAYERS.names())


def layer_with(network: Network, layer: str = "degrad", channels: int = 1) -> ImplicitLayer:
    physics = MotionBlur(size=16, kernel_size=5, channels=channels).physics(dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ImplicitLayer(LAYERS.get(layer)(), physics, channels, network).double()


@EVERY_LAYER
@EVERY_NETWORK
@pytest.mark.parametrize("channels", [1, 3])
def test_a_step_of_training_reaches_every_weight(
    network: Network, layer: str, channels: int
) -> None:
    module = layer_with(network, layer, channels)
    perturb(module, generator(), 0.02)
    bound, start = module.condition(random_images(channels))
    z = JacobianFreeBackpropagation().fixed_point(bound, start, ForwardSolver(Solver()))
    assert z.shape == start.shape
    z.square().sum().backward()
    assert all(weight.grad is not None for weight in module.parameters())


@EVERY_NETWORK
def test_only_a_guaranteed_network_has_a_bound_and_keeps_it(network: Network) -> None:
    module = layer_with(network)
    perturb(module, generator(), 0.3)
    bound, start = module.condition(random_images())
    if network.non_expansive:
        assert jacobian_norm(bound, start) <= bound.contraction_bound < 1
    else:
        assert bound.contraction_bound == float("inf")


@pytest.mark.parametrize("norm", [0.5, 0.0])
def test_a_chain_is_as_steep_as_its_convolutions_may_be(norm: float) -> None:
    """|F_θ(z) - F_θ(w)| <= norm³ |z - w| for three convolutions; with norm=0 nothing is scaled."""
    network = SpectralDnCNN(depth=3, features=4, norm=norm, norm_iterations=30)
    module = layer_with(network)
    perturb(module.learned, generator(), 3.0)
    bound = network.bind(module.learned, random_images())
    z, other = random_images(), random_images(seed=1)
    steepness = distances((z - bound(z)) - (other - bound(other))) / distances(z - other)
    assert bool(steepness.max() <= 0.5**3 + 1e-9) == bool(norm)


@pytest.mark.parametrize(("start", "lost"), [("random", True), ("orthogonal", False)])
def test_a_deep_chain_passes_its_image_on_if_it_starts_orthogonal(start: str, lost: bool) -> None:
    network = SpectralDnCNN(depth=17, features=8, start=start)
    z = random_images()
    noise = z - network.bind(layer_with(network).learned, z)(z)
    assert bool(distances(noise).max() < 1e-5 * distances(z).max()) == lost


def test_orthogonal_filters_keep_the_norm_of_an_image() -> None:
    (first, *_) = layer_with(SpectralDnCNN(depth=3, features=4, start="orthogonal")).learned.filters
    z = random_images()
    kept = torch.nn.functional.conv2d(z, first, padding=1)
    torch.testing.assert_close(distances(kept), distances(z))


def test_the_seeds_layer_is_a_gradient_step_with_the_residual_as_regulariser() -> None:
    """With ρ = 1: T(z) = z - η (Aᵀ(A z - y) + λ F_θ(z))."""
    network = SpectralDnCNN(depth=3, features=4)
    physics = MotionBlur(size=16, kernel_size=5).physics(dtype=torch.float64)
    formula = LAYERS.get("degrad")(lipschitz=1.0, strength=0.5, step_size=0.8)
    module = ImplicitLayer(formula, physics, 1, network).double()
    observed, z = random_images(), random_images(seed=3)
    bound, start = module.condition(observed)
    noise = z - network.bind(module.learned, start)(z)
    eta = 2 * 0.8 / (float((physics.mask**2).max()) + 2 * 0.5)
    slope = physics.A_adjoint(physics.A(z) - observed) + 0.5 * noise
    assert torch.allclose(bound(z), z - eta * slope, atol=1e-12)


def test_batch_normalisation_mixes_the_images_and_nothing_else_does() -> None:
    images = random_images(count=3)
    for batch_norm in (False, True):
        network = SpectralDnCNN(depth=4, features=4, batch_norm=batch_norm)
        module = layer_with(network)
        together = network.bind(module.learned, images)(images)
        alone = network.bind(module.learned, images[:1])(images[:1])
        assert torch.allclose(together[:1], alone, atol=1e-12) is not batch_norm


def test_the_exact_gradient_is_exact_for_a_network_without_a_guarantee() -> None:
    """Against central differences of the loss at the fixed point, in every parameter at once."""
    module = layer_with(SpectralDnCNN(depth=3, features=2, norm=0.4, norm_iterations=40))
    observed, solver = random_images(count=1), Solver(tolerance=1e-13, max_iterations=500)

    def loss() -> Tensor:
        bound, start = module.condition(observed)
        method = ImplicitFunctionTheorem(tolerance=1e-12, max_iterations=500)
        return method.fixed_point(bound, start, ForwardSolver(solver)).square().sum()

    weights = list(module.parameters())
    slopes = torch.autograd.grad(loss(), weights)
    directions = [torch.randn(w.shape, generator=generator(7), dtype=w.dtype) for w in weights]
    expected = sum(float((s * d).sum()) for s, d in zip(slopes, directions, strict=True))
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight.add_(sign * 1e-5 * direction)
            values.append(float(loss()))
            for weight, direction in zip(weights, directions, strict=True):
                weight.sub_(sign * 1e-5 * direction)
    assert (values[0] - values[1]) / 2e-5 == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["DRUNet", "UNet"])
def test_other_models_of_deepinv_can_be_taken(name: str) -> None:
    module = layer_with(DeepinvModel(name, sigma=0.1))
    bound, start = module.condition(random_images())
    assert bound(start).shape == start.shape


def test_an_unknown_model_of_deepinv_is_named() -> None:
    with pytest.raises(UserError, match="did you mean 'DnCNN'"):
        DeepinvModel("DnCN").module(1)


@dataclass(frozen=True)
class Halved(Network):
    """A plug-in's network: half the image."""

    def module(self, channels: int) -> nn.Module:
        module = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
        nn.init.constant_(module.weight, 0.5)
        return module


def test_a_module_of_a_plug_in_is_the_network_as_it_is() -> None:
    module = layer_with(Halved())
    bound, start = module.condition(random_images())
    denoised = torch.lerp(start, 0.5 * start, module.formula.lipschitz)
    data = start - 0.6 * (  # η with λ = 1 and |AᵀA| = 1
        module.physics.A_adjoint(module.physics.A(start) - random_images()) + start - denoised
    )
    assert torch.allclose(bound(start), data, atol=1e-9)
