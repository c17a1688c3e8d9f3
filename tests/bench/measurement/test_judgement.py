"""What each part of the images decides, and the quality of every test image."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from skimage.metrics import structural_similarity

from bench import load_results
from bench.config.plain import from_plain
from bench.config.settings import EvaluateConfig, RunConfig
from bench.experiment.identity import identity
from bench.measurement.evaluation import BATCH_SIZE
from bench.measurement.models import TrainedModel, build_model
from bench.measurement.run import measure
from bench.records import RunRecord, read_record, write_experiment, write_record
from bench.records.model import EXPERIMENT
from problems.data import make_pairs
from problems.images.base import Part
from problems.images.natural import Natural
from problems.motion import MotionBlur
from tests.support.tiny_runs import TINY_TV, grid, number

pytestmark = pytest.mark.usefixtures("short_timings")

METHODS = ["jfb", "dncnn", TINY_TV, pytest.param("unrolling", marks=pytest.mark.soak)]
IMAGES = ("evaluate.validation_images=3", "evaluate.images=19", "evaluate.samples=4")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))


def config_of(method: str, *overrides: str, seed: int = 0) -> RunConfig:
    (spec,) = grid(method, *IMAGES, *overrides)
    return replace(from_plain(spec.config), seed=seed)


# ------------------------------------------------------------------- the quality of test images


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_stored_quality_can_be_computed_again_from_what_is_stored(
    method: str, channels: int, tmp_path: Path
) -> None:
    (spec,) = grid(method, *IMAGES, f"problem.channels={channels}")
    record = measure(from_plain(spec.config))
    row = {**identity(spec), **record.row}
    folder = write_record(tmp_path, replace(record, row=row))
    write_experiment(tmp_path / EXPERIMENT, {})
    images, samples = pd.read_csv(folder / "images.csv"), read_record(folder).samples
    assert images["image"].tolist() == list(range(19))
    assert images["psnr"].mean() == pytest.approx(number(record, "psnr"), abs=1e-9)
    assert images["ssim"].mean() == pytest.approx(number(record, "ssim"), abs=1e-9)
    assert samples is not None
    assert len(samples.clean) == 4
    pairs = zip(samples.clean, samples.reconstruction, strict=True)
    for index, (clean, image) in enumerate(pairs):
        psnr = -10 * math.log10(np.square(image.astype(float) - clean).mean())
        assert images["psnr"][index] == samples.psnr[index] == pytest.approx(psnr, abs=1e-3)
        ssim = structural_similarity(
            clean,
            image,
            data_range=1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=0,
        )
        assert images["ssim"][index] == pytest.approx(ssim, abs=1e-4)
    assert images["psnr_observed"][:4].tolist() == pytest.approx(samples.psnr_observed.tolist())
    assert images["psnr_observed"].mean() == pytest.approx(
        number(record, "psnr_observed"), abs=1e-9
    )
    pd.testing.assert_frame_equal(load_results(tmp_path).images, images)


# ------------------------------------------------------------------------- which part is for what


@dataclass(frozen=True)
class Changed(Natural):
    """Photographs of which one part is replaced by noise."""

    part: Part = "test"

    def crops(self, part: Part, count: int, size: int, channels: int, seed: int) -> Any:
        crops = super().crops(part, count, size, channels, seed)
        noise = np.random.default_rng(0).random(crops.shape, np.float32)
        return noise if part == self.part else crops


def with_images(method: str, images: Natural) -> RunRecord:
    config = config_of(method, "train.steps=4", "memory_pass=false")
    record = measure(replace(config, images=images))
    assert record.row["status"] == "completed"
    return record


def validated(record: RunRecord) -> list[object]:
    """All that is read on validation images."""
    row = [record.row["validation_psnr"], record.row["validation_psnr_observed"]]
    curve = [(point["psnr"], point["ssim"]) for point in record.curve]
    return [*row, *curve, *((each["iterations"], each["psnr"]) for each in record.reconstruction)]


def judged(record: RunRecord) -> list[object]:
    """All that is read on test images."""
    columns = ("psnr", "ssim", "psnr_observed", "layer_contraction", "forward_statuses")
    return [*(record.row.get(name) for name in columns), *record.images]


def trained(record: RunRecord) -> list[object]:
    return [*(row["loss"] for row in record.steps), record.row.get("tuned_parameters")]


@pytest.mark.parametrize("method", METHODS)
def test_a_part_of_the_images_decides_its_own_numbers_and_no_others(method: str) -> None:
    usual = with_images(method, Natural())
    other = with_images(method, Changed(part="test"))
    assert trained(other) == trained(usual)
    assert validated(other) == validated(usual)
    assert judged(other) != judged(usual)
    other = with_images(method, Changed(part="validation"))
    assert trained(other) == trained(usual)
    assert validated(other) != validated(usual)
    assert repr(judged(other)) == repr(judged(usual))


@pytest.mark.parametrize("method", METHODS)
def test_quality_in_validation_is_that_of_the_final_weights(method: str) -> None:
    record = measure(config_of(method, "train.steps=4", "memory_pass=false"))
    final = record.row["validation_psnr"]
    assert record.reconstruction[-1]["psnr"] == final
    assert [point["psnr"] for point in record.curve[-1:]] == ([final] if record.curve else [])
    assert final != record.row["psnr"]
    budgets = [row["iterations"] for row in record.reconstruction]
    assert budgets == sorted(set(budgets))  # the last is above the others


def test_the_track_ends_at_the_iterations_that_validation_images_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[TrainedModel] = []

    def build(config: RunConfig, physics: Any) -> TrainedModel:
        kept.append(build_model(config, physics))
        kept[0].iterations = 99  # as if an evaluation in training had taken more
        return kept[0]

    monkeypatch.setattr("bench.measurement.run.build_model", build)
    config = config_of("jfb")
    record = measure(config)
    physics = config.problem.physics()
    pairs = make_pairs(config.problem, physics, config.images, "validation", 3, config.seed)
    kept[0].iterations = 1
    kept[0].reconstruct(pairs.observed)
    assert record.reconstruction[-1]["iterations"] == kept[0].iterations > 1


def test_test_images_are_reconstructed_once_after_the_last_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    config = config_of("dncnn", "reconstruction_pass=false", "memory_pass=false")
    network = config.method.network(1)

    @dataclass(frozen=True)
    class Watched(type(config.method)):  # type: ignore[misc]
        def network(self, channels: int) -> Any:
            network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
            return network

    measure(replace(config, method=Watched()))
    in_training = [8] * 2 + [3] + [8, 3] * 2  # warm-up; step 0; two steps with their points
    assert seen[: len(in_training) + 2] == [*in_training, 16, 3]  # 19 test images
    # Operations are counted on one validation image, and the timing is on all of them.
    assert seen[len(in_training) + 2] == 1
    assert set(seen[len(in_training) + 3 :]) == {3}


def test_the_contraction_is_that_at_a_batch_of_test_images() -> None:
    config = replace(config_of("jfb"), evaluate=EvaluateConfig(images=BATCH_SIZE + 3))
    physics = config.problem.physics()
    test = make_pairs(config.problem, physics, config.images, "test", BATCH_SIZE, 0)
    record = measure(replace(config, train=replace(config.train, steps=1, learning_rate=1e-12)))
    expected = build_model(config, physics).contraction(test.observed)
    assert number(record, "layer_contraction") == pytest.approx(expected, rel=1e-4)


# ----------------------------------------------------------------------------- several kernels


@pytest.mark.parametrize("method", ["jfb", TINY_TV])
def test_a_run_has_the_kernel_of_its_seed(method: str) -> None:
    several = config_of(method, "problem.kernels=3", "memory_pass=false", seed=4)
    alone = replace(several, problem=replace(several.problem, kernels=1, kernel_seed=1))
    found, expected = measure(several), measure(alone)
    assert (found.row["kernel"], expected.row["kernel"]) == (1, 0)
    assert (validated(found), trained(found)) == (validated(expected), trained(expected))
    assert repr(judged(found)) == repr(judged(expected))
    other = measure(replace(several, seed=4, problem=replace(several.problem, kernel_seed=1)))
    assert validated(other) != validated(found)


class Plain:
    """A problem of a plug-in, which need not know of kernels."""

    size, channels, noise_sigma = 16, 1, 0.01

    def physics(self, device: str) -> Any:
        return MotionBlur(size=16, kernel_size=5).physics(device)

    observe: Callable[..., torch.Tensor] = MotionBlur.observe


def test_a_problem_without_kernels_has_no_number_of_a_kernel() -> None:
    record = measure(replace(config_of("jfb"), problem=Plain()))
    assert (record.row["status"], record.row.get("message")) == ("completed", None)
    assert math.isnan(number(record, "kernel"))
