"""Plug-and-play ADMM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from bench.registry import register_method
from methods.base import Prepared, Setting, TunedMethod

if TYPE_CHECKING:
    from torch import Tensor, nn


@register_method("pnp_admm")
@dataclass(frozen=True)
class PlugAndPlayADMM(TunedMethod):
    """PnP-ADMM: ADMM whose proximal map of the prior is a DnCNN denoiser.

    The denoiser is trained on the clean training images with Gaussian noise of `denoiser_sigma`
    and kept in the cache by its content; the step size of ADMM is the one with the best mean PSNR
    on `tune_images` training images. Sources: Venkatakrishnan, Bouman, Wohlberg, GlobalSIP 2013,
    in deepinv's version (`ADMM`); Zhang et al., IEEE TIP 2017.
    """

    family: ClassVar[str] = "plug_and_play"

    iterations: int = 40
    tune_images: int = 16
    depth: int = 8
    features: int = 32
    denoiser_sigma: float = 0.05
    denoiser_steps: int = 400

    def validate(self) -> None:
        """Raise ValueError, naming the parameter, for a value out of range."""
        for name in ("iterations", "tune_images", "features", "denoiser_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: must be at least 1")
        if self.depth < 3:
            raise ValueError(f"depth={self.depth}: must be at least 3")
        if not self.denoiser_sigma > 0:
            raise ValueError(f"denoiser_sigma={self.denoiser_sigma}: must be greater than 0")

    def prepare(self, setting: Setting) -> Prepared:
        """Train the denoiser, or take it from the cache, then tune the step size."""
        from methods.training.denoiser import DenoiserRecipe, trained_denoiser
        from methods.training.tuning import tune_on_training_images

        recipe = DenoiserRecipe(self.depth, self.features, self.denoiser_sigma, self.denoiser_steps)
        denoiser, train_seconds = trained_denoiser(recipe, setting)

        def with_step(step: float) -> Callable[[Tensor], Tensor]:
            return self._reconstructor(setting.physics, denoiser, step)

        tuned = tune_on_training_images(with_step, (1e-2, 1e3), setting, self.tune_images)

        def within(iterations: int) -> Callable[[Tensor], Tensor]:
            fewer = replace(self, iterations=iterations)
            return fewer._reconstructor(setting.physics, denoiser, tuned.value)

        step = {"step": tuned.value}
        return Prepared(within, self.iterations, step, tuned.seconds, train_seconds)

    def _reconstructor(
        self, physics: Any, denoiser: nn.Module, step: float
    ) -> Callable[[Tensor], Tensor]:
        return lambda observed: self._minimise(physics, observed, denoiser, step)

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
        # deepinv's own start of the dual variable is Aᵀy, which is not ADMM's zero.
        image: Tensor = solver(observed, physics, init=(start, start.new_zeros(start.shape)))
        return image
