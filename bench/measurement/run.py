"""The measurement of one run: from its configuration to its record."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from bench.config.settings import RunConfig
from bench.machine.device import resolve_device
from bench.measurement.cache import cache_folder
from bench.measurement.calibration import calibrate, calibrate_after
from bench.measurement.checkpoint import Checkpoint
from bench.measurement.clock import PHASES, Clock
from bench.measurement.complexity import flops_of, parameter_count
from bench.measurement.evaluation import (
    BATCH_SIZE,
    Quality,
    quality_on,
    reconstruct_all,
    seconds_per_image,
)
from bench.measurement.failure import Diverged, OutOfTime, describe_failure
from bench.measurement.gradient import (
    Case,
    ReferenceFailed,
    errors_of_training,
    weights_of,
)
from bench.measurement.judgement import judge
from bench.measurement.machine import machine_columns
from bench.measurement.memory import measure_peak
from bench.measurement.models import ImplicitModel, TrainedModel, build_model
from bench.measurement.pictures import judge_pictures
from bench.measurement.reconstruction import track
from bench.measurement.reproducibility import (
    generators_kept,
    seed_generators,
    settle_process,
)
from bench.measurement.training import Report, one_step, train, warm_up
from bench.measurement.training_log import TrainingLog
from bench.records import COMPLETED, RunRecord, Samples
from bench.records.model import Rows
from methods.base import Prepared, Reconstruct, Setting, TunedMethod
from methods.solvers.trace import Trace
from problems.base import kernel_number, observed_image, problem_of_seed
from problems.data import Pairs, make_pairs
from problems.images.base import Part

MEMORY_ITERATIONS = (5, 10, 20)  # forward iterations at which the peak of a step is measured


def measure(
    config: RunConfig,
    report: Report = lambda point: None,
    checkpoint: Checkpoint | None = None,
) -> RunRecord:
    """Make one run in this process; the record's row holds what was measured, status and message.

    report(point): called after each evaluation, with a row of the curve; checkpoint: from which a
    training goes on. Whatever the run does is a status of the record, which then holds what was
    measured before, and a traceback on stderr where the failure is not one that is foreseen. The
    columns that tell which run it is are the caller's. Settles this process: threads, denormals,
    the global generators.
    """
    run = _Run(replace(config, device=resolve_device(config.device)), report, checkpoint)
    try:
        run.make()
        run.row.update(status=COMPLETED)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plug-in may raise anything
        status, message = describe_failure(error)
        run.row.update(status=status, message=message)
        if not isinstance(error, Diverged | OutOfTime):
            traceback.print_exc()
    record = run.record()  # its clock has stopped
    record.row["calibration_after"] = calibrate_after(run.config.device)
    return record


class _Run:
    """The stages of one run; `row` and the tables hold whatever was measured so far."""

    def __init__(self, config: RunConfig, report: Report, checkpoint: Checkpoint | None) -> None:
        self.config, self.report, self.checkpoint = config, report, checkpoint
        self.row: dict[str, object] = {}
        self.log = TrainingLog(Clock(config.device))
        self.samples: Samples | None = None
        self.images: Rows = []
        self.pictures: Rows = []
        self.picture_samples: Samples | None = None
        self.reconstruction: Rows = []
        self.memory: Rows = []

    def make(self) -> None:
        """Data, training or tuning, judgement, then the passes that are measured apart."""
        settle_process(self.config.num_threads)
        seed_generators(self.config.seed)  # for plug-ins that draw from them
        self.row["load_average"] = os.getloadavg()[0]
        self.row.update(machine_columns(self.config.device, self.config.num_threads))
        self.row["calibration_before"] = calibrate(self.config.device)
        self.log.started = time.perf_counter()  # no clock of the run counts what was before
        self._make_data()
        if isinstance(self.config.method, TunedMethod):
            self._tuned()
        else:
            self._trained()

    def record(self) -> RunRecord:
        """What was measured so far, as a record."""
        row = {**self.row, "wall_seconds": self.log.wall_seconds}
        curve, steps, tables = self.log.curve, self.log.steps, (self.reconstruction, self.memory)
        metrics, pictures = self.log.metrics, (self.pictures, self.picture_samples)
        return RunRecord(row, curve, self.samples, steps, *tables, self.images, metrics, *pictures)

    def _make_data(self) -> None:
        config = self.config
        self.row["kernel"] = kernel_number(config.problem, config.seed)
        self.config = config = replace(config, problem=problem_of_seed(config.problem, config.seed))
        self.physics = config.problem.physics(config.device)
        self.train = self._pairs("train", config.train.crops)
        self.validation = self._pairs("validation", config.evaluate.validation_images)
        self.test = self._pairs("test", config.evaluate.images)
        observed = quality_on(self.validation, self._as_image)
        self.row["validation_psnr_observed"] = observed.mean_psnr

    def _as_image(self, observed: Tensor) -> Tensor:
        """What "observed" stands for in the record: y, or an image made from it."""
        return observed_image(self.config.problem, self.physics, observed)

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
        self.row["setup_seconds"] = self.log.wall_seconds
        prepared: Prepared = config.method.prepare(setting)
        self.row.update(
            tune_seconds=prepared.tune_seconds,
            denoiser_train_seconds=prepared.denoiser_train_seconds,
            tuned_parameters=_as_text(prepared.tuned),
        )
        validation = quality_on(self.validation, prepared.reconstruct)
        self.row["validation_psnr"] = validation.mean_psnr
        self._judge(prepared.reconstruct)
        if prepared.learned:
            self._count(prepared.learned, prepared.reconstruct)
        self._time(prepared.reconstruct)
        self._track(prepared.within, prepared.iterations)
        batch = self.train.observed[: config.train.batch_size]
        self._memory_pass(lambda: reconstruct_all(prepared.reconstruct, batch))
        self._judge_pictures(prepared.reconstruct)

    def _trained(self) -> None:
        model = build_model(self.config, self.physics)
        self.row["setup_seconds"] = self.log.wall_seconds
        if pretrain_seconds := model.pretrain(self.train.clean, self.config):
            self.row["denoiser_train_seconds"] = pretrain_seconds
        seconds, of_first = warm_up(model, self.train, self.config.train)
        self.row.update(warm_up_seconds=seconds, compile_seconds=of_first)
        self._train(model)
        self.row["validation_psnr"] = self.log.curve[-1]["psnr"]
        iterations, model.test_trace = model.iterations, Trace()
        self._judge(model.reconstruct)
        solves = model.test_trace.forward
        self.row.update(
            forward_converged_fraction=solves.converged_fraction,
            forward_statuses=_as_text(solves.statuses),
            layer_contraction=model.contraction(self.test.observed[:BATCH_SIZE]),
        )
        self._count(parameter_count(model.module), model.reconstruct)
        self._time(model.reconstruct)
        self._track(lambda count: model.at_iterations(count).reconstruct, iterations)
        self._memory_pass(lambda: one_step(model, self.train, self.config.train), model)
        if isinstance(model, ImplicitModel):
            self._gradient_pass(model)
        self._judge_pictures(model.reconstruct)

    def _train(self, model: TrainedModel) -> None:
        config, log, clock = self.config, self.log, self.log.clock
        try:
            train(
                model,
                self.train,
                config.train,
                config.seed,
                log,
                lambda: self._evaluate(model),
                self.report,
                self.checkpoint,
            )
        finally:
            self.row.update(
                train_seconds=clock.seconds,
                train_cpu_seconds=clock.cpu_seconds,
                eval_seconds=log.eval_seconds,
                checkpoint_seconds=log.checkpoint_seconds,
                resumptions=float(log.resumptions),
                steps=float(len(log.steps)),
                forward_evaluations=float(model.evaluations),
                vjps=float(model.vjps),
                adjoint_converged_fraction=model.trace.adjoint.converged_fraction,
                adjoint_statuses=_as_text(model.trace.adjoint.statuses),
                **{f"{name}_seconds": clock.phases.get(name, 0.0) for name in PHASES},
            )

    def _evaluate(self, model: TrainedModel) -> Quality:
        """The quality on the validation images, with the iterations that it took."""
        started = time.perf_counter()
        model.iterations = 1
        with generators_kept(self.config.device):
            quality = quality_on(self.validation, model.reconstruct)
        self.log.eval_seconds += time.perf_counter() - started
        return quality

    def _judge(self, reconstruct: Reconstruct) -> None:
        """The final quality on the test images, once."""
        found = judge(reconstruct, self.test, self._as_image, self.config.evaluate.samples)
        self.row.update(found.row)
        self.images, self.samples = found.images, found.samples

    def _judge_pictures(self, reconstruct: Reconstruct) -> None:
        """The quality on larger pictures; a run has its result without them."""
        try:
            found = judge_pictures(reconstruct, self.config, self.physics)
        except Exception as error:  # of a plug-in, whose operator may have one size only
            print(f"no pictures: {describe_failure(error)[1]}", file=sys.stderr)
            return
        self.pictures, self.picture_samples = found.pictures, found.samples

    def _count(self, learned: int, reconstruct: Reconstruct) -> None:
        """The size of the network, and the operations of one image."""
        flops = flops_of(reconstruct, self.validation.observed[:1])
        self.row.update(parameters=float(learned), flops_per_image=float(flops))

    def _time(self, reconstruct: Reconstruct) -> None:
        self.row["reconstruct_seconds_per_image"] = seconds_per_image(
            reconstruct, self.validation.observed, self.config.device
        )

    def _track(self, within: Callable[[int], Reconstruct], full: int) -> None:
        """Quality and time with fewer iterations; those of all iterations are known already."""
        if not self.config.reconstruction_pass:
            return
        self.reconstruction = track(within, full, self.validation, self.config.device)
        seconds, psnr = self.row["reconstruct_seconds_per_image"], self.row["validation_psnr"]
        self.reconstruction += [{"iterations": full, "seconds_per_image": seconds, "psnr": psnr}]

    def _memory_pass(self, work: Callable[[], object], model: TrainedModel | None = None) -> None:
        if not self.config.memory_pass:
            return
        started = time.perf_counter()
        peak = measure_peak(work, self.config.device)
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
        peak = measure_peak(lambda: one_step(exact, self.train, settings), self.config.device)
        return {
            "forward_iterations": count,
            "batch_size": settings.batch_size,
            "peak_memory_bytes": float(peak.bytes),
        }

    def _gradient_pass(self, model: ImplicitModel) -> None:
        """How far the gradient of training is from the exact one, at the weights that it led to."""
        config = self.config
        if not config.gradient_pass:
            return
        count = config.train.batch_size
        batch = Pairs(self.train.clean[:count], self.train.observed[:count])
        case = Case(config, self.physics, batch, weights_of(model.module))
        try:
            errors = errors_of_training(case)
        except ReferenceFailed as error:  # the run has its result without it
            print(f"no gradient pass: {error}", file=sys.stderr)
            return
        self.row.update({f"gradient_{name}": value for name, value in errors.items()})


def _as_text(values: Mapping[str, object]) -> str:
    """A mapping in a column: a JSON object as text, empty for an empty one."""
    return json.dumps(values, sort_keys=True) if values else ""
