"""One run, in a process of its own: from its plain configuration to its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.cache import cache_folder
from bench.clock import Clock
from bench.config import RunConfig, from_plain
from bench.evaluation import Quality, quality_of, reconstruct_all, seconds_per_image
from bench.failure import Diverged, describe_failure
from bench.memory import PeakMemory, measure_peak
from bench.models import TrainedModel, build_model
from bench.process import settle_process
from bench.records import RunRecord, Samples, write_record
from bench.training import Training, step_without_update, train, warm_up
from methods.base import Prepared, Setting, TunedMethod
from methods.solvers.trace import Trace
from problems.data import Pairs, make_pairs
from problems.images.base import Part

Report = Callable[[int, float], None]


def execute(
    row: dict[str, object], plain: Mapping[str, Any], results: Path, report: Report
) -> None:
    """Make the run whose `identity` is `row` and write its record, also when it fails."""
    run = Run(from_plain(plain), row, report)
    try:
        run.make()
        row["status"] = "completed"
    except Diverged as error:
        row.update(status="diverged", message=str(error))
    except Exception as error:
        status, message = describe_failure(error)
        row.update(status=status, message=message)
        write_record(results, run.record())
        raise  # to the log of the run, with its traceback
    write_record(results, run.record())


class Run:
    """The stages of one run; `row` and the curve hold whatever was measured so far."""

    def __init__(self, config: RunConfig, row: dict[str, object], report: Report) -> None:
        self.config, self.row, self.report = config, row, report
        self.training = Training(Clock(config.device))
        self.samples: Samples | None = None
        self.eval_seconds = 0.0

    def make(self) -> None:
        """Data, training or tuning, evaluation, then the passes that are measured apart."""
        _prepare_process(self.config)
        started = time.perf_counter()
        self._make_data()
        if isinstance(self.config.method, TunedMethod):
            self._tuned(started)
        else:
            self._trained(started)

    def record(self) -> RunRecord:
        """What was measured so far, as a record."""
        return RunRecord(row=self.row, curve=self.training.curve, samples=self.samples)

    def _make_data(self) -> None:
        config = self.config
        self.physics = config.problem.physics(config.device)
        self.train = self._pairs("train", config.train.crops)
        self.test = self._pairs("test", config.evaluate.images)
        observed = quality_of(self.test.observed, self.test.clean)
        self.psnr_observed = observed.psnr
        self.row["psnr_observed"] = observed.mean_psnr

    def _pairs(self, part: Part, count: int) -> Pairs:
        config = self.config
        return make_pairs(
            config.problem, self.physics, config.images, part, count, config.seed, config.device
        )

    def _tuned(self, started: float) -> None:
        config = self.config
        setting = Setting(
            self.physics, config.problem.noise_sigma, self.train, config.seed, cache_folder()
        )
        self.row["setup_seconds"] = time.perf_counter() - started
        prepared: Prepared = config.method.prepare(setting)
        self.row["tune_seconds"] = prepared.tune_seconds
        self.row["denoiser_train_seconds"] = prepared.denoiser_train_seconds
        self._judge(prepared.reconstruct)
        batch = self.test.observed[: config.train.batch_size]
        self._measure_memory(lambda: reconstruct_all(prepared.reconstruct, batch))

    def _trained(self, started: float) -> None:
        config = self.config
        model = build_model(config, self.physics)
        warm_up(model, self.train, config.train)
        model.trace.clear()
        self.row["setup_seconds"] = time.perf_counter() - started
        try:
            train(
                model,
                self.train,
                config.train,
                config.seed,
                self.training,
                lambda: self._evaluate(model.reconstruct),
                self.report,
            )
        finally:
            self._note_training(model)
        model.test_trace = Trace()
        self._judge(model.reconstruct)
        self.row["forward_converged_fraction"] = model.test_trace.forward.converged_fraction
        self.row["layer_contraction"] = model.contraction(self.test.observed)
        self._measure_memory(lambda: self._one_step(model))

    def _note_training(self, model: TrainedModel) -> None:
        self.row.update(
            train_seconds=self.training.clock.seconds,
            train_cpu_seconds=self.training.clock.cpu_seconds,
            eval_seconds=self.eval_seconds,
            steps=float(self.training.steps),
            forward_evaluations=float(model.evaluations),
            vjps=float(model.vjps),
            adjoint_converged_fraction=model.trace.adjoint.converged_fraction,
        )

    def _evaluate(self, reconstruct: Callable[[Tensor], Tensor]) -> Quality:
        started = time.perf_counter()
        quality = quality_of(reconstruct_all(reconstruct, self.test.observed), self.test.clean)
        self.eval_seconds += time.perf_counter() - started
        return quality

    def _judge(self, reconstruct: Callable[[Tensor], Tensor]) -> None:
        """The final quality on the test images, the samples for the gallery, and the speed."""
        images = reconstruct_all(reconstruct, self.test.observed)
        quality = quality_of(images, self.test.clean)
        self.row["psnr"], self.row["ssim"] = quality.mean_psnr, quality.mean_ssim
        self.samples = self._samples(images, quality)
        self.row["reconstruct_seconds_per_image"] = seconds_per_image(
            reconstruct, self.test.observed, self.config.device
        )

    def _samples(self, images: Tensor, quality: Quality) -> Samples | None:
        kept = self.config.evaluate.samples
        if kept == 0:
            return None
        pixels = (self.test.clean, self.test.observed, images)
        clean, observed, reconstruction = (_pixels(batch[:kept]) for batch in pixels)
        return Samples(
            clean=clean,
            observed=observed,
            reconstruction=reconstruction,
            psnr=quality.psnr[:kept].double().numpy(),
            psnr_observed=self.psnr_observed[:kept].double().numpy(),
        )

    def _measure_memory(self, work: Callable[[], object]) -> None:
        if not self.config.memory_pass:
            return
        peak: PeakMemory = measure_peak(work, self.config.device)
        self.row["peak_memory_bytes"] = float(peak.bytes)
        self.row["peak_memory_source"] = peak.source

    def _one_step(self, model: TrainedModel) -> None:
        settings, pairs = self.config.train, self.train
        batch = Pairs(pairs.clean[: settings.batch_size], pairs.observed[: settings.batch_size])
        step_without_update(model, batch.observed, batch.clean, settings.loss)


def _pixels(images: Tensor) -> np.ndarray:
    return images.clamp(0, 1).cpu().numpy()


def _prepare_process(config: RunConfig) -> None:
    settle_process(config.num_threads)
    torch.manual_seed(config.seed)  # for plug-ins that draw from the global generator
