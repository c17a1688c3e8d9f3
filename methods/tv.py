"""Total variation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import Prepared, Reconstruct, Setting, Tensor, TunedMethod


@register_method("tv")
@dataclass(frozen=True)
class TotalVariation(TunedMethod):
    """Total variation: x minimises ½|A x - y|² + weight · TV(x), by the Chambolle-Pock algorithm.

    TV is isotropic. The weight is the one with the best mean PSNR on `tune_images` training images,
    or on fewer that have 2²⁰ pixels in all, colours counted: 16 grey ones of 256 pixels, 4 of 512.
    Sources: Rudin, Osher, Fatemi, Physica D 1992; Chambolle and Pock, JMIV 2011, in deepinv's
    version (`PDCP`).
    """

    iterations: int = parameter(300, at_least=1)
    tune_images: int = parameter(32, at_least=1)

    def prepare(self, setting: Setting) -> Prepared:
        """Tune the weight."""
        from methods.training.tuning import tune_on_training_images

        def reconstructor(weight: float, iterations: int = self.iterations) -> Reconstruct:
            method = replace(self, iterations=iterations)
            return lambda observed: method._minimise(setting.physics, observed, weight)

        weight, seconds = tune_on_training_images(
            reconstructor, (1e-5, 1e-1), setting, self.tune_images
        )
        within = partial(reconstructor, weight)
        return Prepared(within, self.iterations, {"weight": weight}, seconds)

    def _minimise(self, physics: Any, observed: Tensor, weight: float) -> Tensor:
        from deepinv.optim import L2, PDCP
        from deepinv.optim.prior import L12Prior, TVPrior

        variation = TVPrior()
        start = physics.A_adjoint(observed)
        dual = variation.nabla(start).zero_()
        # The step sizes satisfy τσ|∇|² = 0.96 <= 1, which the algorithm needs: |∇|² <= 8.
        solver = PDCP(
            K=variation.nabla,
            K_adjoint=variation.nabla_adjoint,
            data_fidelity=L2(),
            prior=L12Prior(l2_axis=-1),
            lambda_reg=weight,
            stepsize=1.0,
            stepsize_dual=0.12,
            max_iter=self.iterations,
            g_first=True,
        )
        image: Tensor = solver(observed, physics, init=(start, start, dual))
        return image
