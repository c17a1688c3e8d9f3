"""Plug-and-play ADMM."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import Prepared, Reconstruct, Setting, Tensor, TunedMethod

if TYPE_CHECKING:
    from torch import nn

    from methods.training.denoiser import DenoiserRecipe


@register_method("pnp_admm")
@dataclass(frozen=True)
class PlugAndPlayADMM(TunedMethod):
    """PnP-ADMM: plug-and-play ADMM, with a trained DnCNN denoiser in the place of a prior.

    The denoiser is trained for `denoiser_steps` steps on the clean training images with Gaussian
    noise of standard deviation `denoiser_sigma`, and cached; a deeper one needs a smaller
    `denoiser_learning_rate`. The step size of ADMM is the one with the best mean PSNR on
    `tune_images` training images, or on fewer that have 2²⁰ pixels in all, colours counted.
    Sources: Venkatakrishnan, Bouman, Wohlberg, GlobalSIP 2013, in deepinv's version (`ADMM`);
    Zhang et al., IEEE TIP 2017.
    """

    family = "plug_and_play"

    iterations: int = parameter(40, at_least=1)
    tune_images: int = parameter(16, at_least=1)
    depth: int = parameter(8, at_least=3)
    features: int = parameter(16, at_least=1)
    denoiser_sigma: float = parameter(0.05, above=0)
    denoiser_steps: int = parameter(400, at_least=1)
    denoiser_batch_size: int = parameter(8, at_least=1)
    denoiser_learning_rate: float = parameter(3e-3, above=0)

    def prepare(self, setting: Setting) -> Prepared:
        """Train the denoiser, or load it from the cache, then tune the step size."""
        from methods.training.denoiser import trained_denoiser
        from methods.training.tuning import tune_on_training_images

        denoiser, train_seconds = trained_denoiser(self._recipe(), setting)

        def reconstructor(step: float, iterations: int = self.iterations) -> Reconstruct:
            method = replace(self, iterations=iterations)
            return lambda observed: method._minimise(setting.physics, observed, denoiser, step)

        step, seconds = tune_on_training_images(
            reconstructor, (1e-2, 1e3), setting, self.tune_images
        )
        within, tuned = partial(reconstructor, step), {"step": step}
        learned = sum(weight.numel() for weight in denoiser.parameters())
        return Prepared(within, self.iterations, tuned, seconds, train_seconds, learned)

    def _recipe(self) -> DenoiserRecipe:
        from methods.training.denoiser import DenoiserRecipe

        return DenoiserRecipe(
            self.depth,
            self.features,
            self.denoiser_sigma,
            self.denoiser_steps,
            self.denoiser_batch_size,
            self.denoiser_learning_rate,
        )

    def _minimise(self, physics: Any, observed: Tensor, denoiser: nn.Module, step: float) -> Tensor:
        from deepinv.optim import ADMM, L2
        from deepinv.optim.prior import PnP

        solver = ADMM(
            data_fidelity=L2(),
            prior=PnP(denoiser),
            stepsize=step,
            g_param=self.denoiser_sigma,
            max_iter=self.iterations,
        )
        start = physics.A_adjoint(observed)
        # ADMM starts with a dual variable of zero; deepinv's default is Aᵀy.
        image: Tensor = solver(observed, physics, init=(start, start.new_zeros(start.shape)))
        return image
