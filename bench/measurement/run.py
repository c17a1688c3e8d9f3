"""One run, in a process of its own: from its plain configuration to its record."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.config.settings import RunConfig, from_plain
from bench.execution.worker import OutOfTime
from bench.experiment.claims import Claims
from bench.measurement.cache import cache_folder
from bench.measurement.checkpoint import Checkpoint, checkpoint_of
from bench.measurement.clock import PHASES, Clock
from bench.measurement.evaluation import (
    Quality,
    Reconstruct,
    quality_of,
    reconstruct_all,
    seconds_per_image,
)
from bench.measurement.failure import Diverged, describe_failure
from bench.measurement.memory import PeakMemory, measure_peak
from bench.measurement.models import ImplicitModel, TrainedModel, build_model
from bench.measurement.process import settle_process
from bench.measurement.reconstruction import Rows, track
from bench.measurement.training import Training, one_step, train, warm_up
from bench.records import COMPLETED, RunRecord, Samples, write_record
from methods.base import Prepared, Setting, TunedMethod
from methods.solvers.trace import Trace
from problems.data import Pairs, make_pairs
from problems.images.base import Part

Report = Callable[[int, float], None]
MEMORY_ITERATIONS = (5, 10, 20)  # forward iterations at which the peak of a step is measured


def execute(
    row: dict[str, object], plain: Mapping[str, Any], results: Path, report: Report
) -> None:
    """Make the run whose `identity` is `row` and write its record, also when it fails."""
    config = from_plain(plain)
    checkpoint = checkpoint_of(row, results, config.checkpoint_every_seconds)
    run = Run(config, row, report, checkpoint)
    try:
        run.make()
        row["status"] = COMPLETED
    except Diverged as error:
        row.update(status="diverged", message=str(error))
    except OutOfTime as error:
        row.update(status="timeout", message=str(error))
    except (Exception, SystemExit) as error:
        status, message = describe_failure(error)
        row.update(status=status, message=message)
        _write(run, results)
        raise  # to the log of the run, with its traceback
    _write(run, results)


def _write(run: Run, results: Path) -> None:
    here = float(Claims(results).here())
    run.row["concurrency"] = max(float(str(run.row.get("concurrency", 1.0))), here)
    write_record(results, run.record())
    if run.checkpoint is not None:
        run.checkpoint.discard()


class Run:
    """The stages of one run; `row` and the tables hold whatever was measured so far."""

    def __init__(
        self,
        config: RunConfig,
        row: dict[str, object],
        report: Report,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.config, self.row, self.report, self.checkpoint = config, row, report, checkpoint
        self.training = Training(Clock(config.device))
        self.samples: Samples | None = None
        self.reconstruction: Rows = []
        self.memory: Rows = []

    def make(self) -> None:
        """Data, training or tuning, evaluation, then the passes that are measured apart."""
        _prepare_process(self.config)
        self.row["load_average"] = os.getloadavg()[0]
        self._make_data()
        if isinstance(self.config.method, TunedMethod):
            self._tuned()
        else:
            self._trained()

    def record(self) -> RunRecord:
        """What was measured so far, as a record."""
        self.row["wall_seconds"] = self._seconds()
        return RunRecord(
            row=self.row,
            curve=self.training.curve,
            samples=self.samples,
            steps=self.training.steps,
            reconstruction=self.reconstruction,
            memory=self.memory,
        )

    def _seconds(self) -> float:
        return time.perf_counter() - self.training.started

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

    def _tuned(self) -> None:
        config = self.config
        setting = Setting(
            self.physics,
            config.problem.noise_sigma,
            self.train,
            config.seed,
            cache_folder(),
            config.checkpoint_every_seconds,
        )
        self.row["setup_seconds"] = self._seconds()
        prepared: Prepared = config.method.prepare(setting)
        self.row["tune_seconds"] = prepared.tune_seconds
        self.row["denoiser_train_seconds"] = prepared.denoiser_train_seconds
        self._judge(prepared.reconstruct)
        self._track(prepared.within, prepared.iterations)
        batch = self.test.observed[: config.train.batch_size]
        self._memory_pass(lambda: reconstruct_all(prepared.reconstruct, batch))

    def _trained(self) -> None:
        model = build_model(self.config, self.physics)
        self.row["setup_seconds"] = self._seconds()
        warm = warm_up(model, self.train, self.config.train)
        self.row.update(warm_up_seconds=warm.seconds, compile_seconds=warm.compile_seconds)
        self._train(model)
        model.test_trace, model.iterations = Trace(), 1
        self._judge(model.reconstruct)
        self.row["forward_converged_fraction"] = model.test_trace.forward.converged_fraction
        self.row["layer_contraction"] = model.contraction(self.test.observed)
        self._track(lambda count: model.at_iterations(count).reconstruct, model.iterations)
        self._memory_pass(lambda: one_step(model, self.train, self.config.train), model)

    def _train(self, model: TrainedModel) -> None:
        try:
            train(
                model,
                self.train,
                self.config.train,
                self.config.seed,
                self.training,
                lambda: self._evaluate(model.reconstruct),
                self.report,
                self.checkpoint,
            )
        finally:
            self._note_training(model)

    def _note_training(self, model: TrainedModel) -> None:
        clock = self.training.clock
        self.row.update(
            train_seconds=clock.seconds,
            train_cpu_seconds=clock.cpu_seconds,
            eval_seconds=self.training.eval_seconds,
            checkpoint_seconds=self.training.checkpoint_seconds,
            resumptions=float(self.training.resumptions),
            steps=float(len(self.training.steps)),
            forward_evaluations=float(model.evaluations),
            vjps=float(model.vjps),
            adjoint_converged_fraction=model.trace.adjoint.converged_fraction,
            **{f"{name}_seconds": clock.phases.get(name, 0.0) for name in PHASES},
        )

    def _evaluate(self, reconstruct: Reconstruct) -> Quality:
        started = time.perf_counter()
        quality = quality_of(reconstruct_all(reconstruct, self.test.observed), self.test.clean)
        self.training.eval_seconds += time.perf_counter() - started
        return quality

    def _judge(self, reconstruct: Reconstruct) -> None:
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

    def _track(self, within: Callable[[int], Reconstruct], full: int) -> None:
        """Quality and time with fewer iterations; those of all iterations are known already."""
        if not self.config.reconstruction_pass:
            return
        self.reconstruction = track(within, full, self.test, self.config.device)
        seconds, psnr = self.row["reconstruct_seconds_per_image"], self.row["psnr"]
        whole = {"iterations": full, "seconds_per_image": seconds, "psnr": psnr}
        self.reconstruction.append(whole)

    def _memory_pass(self, work: Callable[[], object], model: TrainedModel | None = None) -> None:
        if not self.config.memory_pass:
            return
        started = time.perf_counter()
        peak = self._peak(work)
        self.row.update(
            peak_memory_bytes=float(peak.bytes),
            peak_memory_source=peak.source,
            peak_reserved_bytes=peak.reserved,
            baseline_memory_bytes=peak.baseline,
        )
        if isinstance(model, ImplicitModel):
            self.memory = [self._memory_at(count, model) for count in MEMORY_ITERATIONS]
        self.row["memory_seconds"] = time.perf_counter() - started

    def _memory_at(self, count: int, model: ImplicitModel) -> dict[str, object]:
        """The peak of a step whose forward pass makes `count` iterations."""
        exact, settings = model.at_iterations(count, exactly=True), self.config.train
        return {
            "forward_iterations": count,
            "batch_size": settings.batch_size,
            "peak_memory_bytes": float(
                self._peak(lambda: one_step(exact, self.train, settings)).bytes
            ),
        }

    def _peak(self, work: Callable[[], object]) -> PeakMemory:
        return measure_peak(work, self.config.device)


def _pixels(images: Tensor) -> np.ndarray:
    return images.clamp(0, 1).cpu().numpy()


def _prepare_process(config: RunConfig) -> None:
    settle_process(config.num_threads)
    torch.manual_seed(config.seed)  # for plug-ins that draw from the global generator
