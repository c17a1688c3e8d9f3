"""The runner, by real runs on a CPU, which the tests share."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.experiment.spec import RunSpec
from bench.measurement.clock import PHASES
from bench.measurement.reconstruction import iteration_budgets
from bench.plugins import load_all
from bench.records import RUN_COLUMNS, RunRecord, read_record
from tests.support.tiny_runs import TINY_TV, grid, make, number, records

GRADIENT_METHODS = ("jfb", "ift", "phantom", "unrolling")
BASELINES = ("dncnn", "tv")


@pytest.fixture(scope="module", autouse=True)
def built_ins() -> None:
    load_all([])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def specs(built_ins: None) -> list[RunSpec]:
    return grid(",".join((*GRADIENT_METHODS, "dncnn", TINY_TV)))


@pytest.fixture(scope="module")
def made(specs: list[RunSpec], results: Path) -> dict[str, RunRecord]:
    assert make(specs, results) == 0
    return records(specs, results)


CUDA_ALONE = {"peak_reserved_bytes", "baseline_memory_bytes"}
OF_GRADIENT_PASS = ("gradient_cosine", "gradient_relative_error", "gradient_norm_ratio")
TRAINED_ALONE = {"tune_seconds", "denoiser_train_seconds", "tuned_parameters", *CUDA_ALONE}
SOLVED_ALONE = {
    *("forward_converged_fraction", "adjoint_converged_fraction"),
    *("forward_statuses", "adjoint_statuses"),
}
OF_LAYERS = ("layer", "layer_params", "network", "network_params", "layer_contraction")
EMPTY_COLUMNS = {
    "jfb": {"message", "adjoint_converged_fraction", "adjoint_statuses", *TRAINED_ALONE},
    "ift": {"message", *TRAINED_ALONE},
    "dncnn": {"message", *OF_LAYERS, *TRAINED_ALONE, *SOLVED_ALONE},
    "tv": {
        *(
            "message",
            *OF_LAYERS,
            "parameters",
            "flops_per_image",
            "train_seconds",
            "train_cpu_seconds",
        ),
        *("eval_seconds", "steps", "forward_evaluations", "vjps"),
        *("data_seconds", "forward_seconds", "backward_seconds", "optimiser_seconds"),
        *("warm_up_seconds", "compile_seconds", "resumptions", "checkpoint_seconds"),
        *(*CUDA_ALONE, *SOLVED_ALONE),
    },
}


@pytest.mark.parametrize("method", EMPTY_COLUMNS)
def test_a_completed_record_fills_every_column_that_applies(
    made: dict[str, RunRecord], method: str
) -> None:
    row = made[method].row
    assert list(row) == list(RUN_COLUMNS)
    assert row["status"] == "completed"
    empty = {name for name, value in row.items() if value == "" or value != value}
    assert empty == EMPTY_COLUMNS[method] | set(OF_GRADIENT_PASS)


@pytest.mark.parametrize("method", [*GRADIENT_METHODS, *BASELINES])
def test_the_numbers_of_a_record_are_in_their_ranges(
    made: dict[str, RunRecord], method: str
) -> None:
    record = made[method]
    assert 5 < number(record, "psnr") < 80
    assert 0 < number(record, "ssim") <= 1
    assert number(record, "reconstruct_seconds_per_image") > 0
    assert number(record, "peak_memory_bytes") > 2 * 16 * 16 * 4  # more than the images alone
    assert record.row["peak_memory_source"] == "live_tensors"
    assert record.row["device"] == "cpu"
    assert record.row["psnr_observed"] == made["jfb"].row["psnr_observed"]


@pytest.mark.parametrize("method", [*GRADIENT_METHODS, "dncnn"])
def test_a_trained_run_has_a_curve_from_step_0_to_the_last(
    made: dict[str, RunRecord], method: str
) -> None:
    record = made[method]
    assert number(record, "steps") == 2
    assert number(record, "train_seconds") > 0
    assert [point["step"] for point in record.curve] == [0, 1, 2]
    first, *rest = (float(str(point["loss"])) for point in record.curve)
    assert math.isnan(first)
    assert all(map(math.isfinite, rest))
    seconds = [float(str(point["train_seconds"])) for point in record.curve]
    assert seconds[0] == 0 < seconds[1] < seconds[2] == number(record, "train_seconds")
    assert record.curve[-1]["psnr"] == number(record, "validation_psnr")


@pytest.mark.parametrize("method", [*GRADIENT_METHODS, "dncnn"])
def test_the_phases_of_training_add_up_to_its_time(made: dict[str, RunRecord], method: str) -> None:
    record = made[method]
    phases = [number(record, f"{name}_seconds") for name in PHASES]
    assert min(phases) > 0
    assert sum(phases) == pytest.approx(number(record, "train_seconds"), rel=1e-9)
    outside = ("setup_seconds", "warm_up_seconds", "eval_seconds", "memory_seconds")
    parts = sum(phases) + sum(number(record, name) for name in outside)
    assert parts < number(record, "wall_seconds")


def test_every_step_has_a_row(made: dict[str, RunRecord]) -> None:
    rows = made["ift"].steps
    assert [row["step"] for row in rows] == [1, 2]
    last = made["ift"].curve[-1]
    for name in ("train_seconds", "loss", "forward_evaluations", "vjps", "adjoint_residual"):
        assert rows[-1][name] == last[name]
    assert rows[-1]["forward_residual"] == last["residual"]
    assert math.isnan(float(str(made["jfb"].steps[-1]["adjoint_residual"])))


@pytest.mark.parametrize("method", [*GRADIENT_METHODS, *BASELINES])
def test_the_reconstruction_track_ends_at_the_final_quality(
    made: dict[str, RunRecord], method: str
) -> None:
    rows = made[method].reconstruction
    budgets = [int(str(row["iterations"])) for row in rows]
    assert budgets == [*iteration_budgets(budgets[-1]), budgets[-1]]
    assert all(float(str(row["seconds_per_image"])) > 0 for row in rows)
    assert rows[-1]["psnr"] == made[method].row["validation_psnr"]
    assert len({row["psnr"] for row in rows}) == len(rows)  # fewer iterations, another image


def test_memory_against_forward_iterations_is_flat_or_linear(made: dict[str, RunRecord]) -> None:
    def peaks(method: str) -> list[float]:
        rows = made[method].memory
        assert [row["forward_iterations"] for row in rows] == [5, 10, 20]
        return [float(str(row["peak_memory_bytes"])) for row in rows]

    jfb, unrolling = peaks("jfb"), peaks("unrolling")
    assert max(jfb) <= 1.05 * min(jfb)
    steps = (unrolling[1] - unrolling[0]) / 5, (unrolling[2] - unrolling[1]) / 10
    assert steps[0] == pytest.approx(steps[1], rel=0.05)
    assert unrolling[2] > 2 * unrolling[0]
    assert made["tv"].memory == made["dncnn"].memory == []


def test_a_tuned_method_has_no_curve_and_says_what_tuning_took(made: dict[str, RunRecord]) -> None:
    assert made["tv"].curve == []
    assert number(made["tv"], "tune_seconds") > 0


def test_the_layer_is_a_contraction(made: dict[str, RunRecord]) -> None:
    for method in GRADIENT_METHODS:
        assert 0 < number(made[method], "layer_contraction") < 1


def test_the_hardware_free_costs_are_counted(made: dict[str, RunRecord]) -> None:
    assert number(made["jfb"], "vjps") == 2  # one for each step
    assert number(made["ift"], "vjps") > 2
    assert number(made["unrolling"], "vjps") == number(made["unrolling"], "forward_evaluations")
    assert number(made["jfb"], "forward_evaluations") > 2


def test_gradient_methods_at_the_fixed_point_start_from_the_same_image(
    made: dict[str, RunRecord],
) -> None:
    curves = [made[method].curve for method in ("jfb", "ift", "phantom")]
    assert len({curve[0]["psnr"] for curve in curves}) == 1
    assert len({curve[1]["gradient_norm"] for curve in curves}) == 3


def test_unrolling_needs_more_memory_than_jfb(made: dict[str, RunRecord]) -> None:
    jfb, unrolling = (number(made[name], "peak_memory_bytes") for name in ("jfb", "unrolling"))
    assert unrolling > 3 * jfb


def test_the_samples_are_pictures_with_their_psnr(made: dict[str, RunRecord]) -> None:
    samples = made["tv"].samples
    assert samples is not None
    assert samples.clean.shape == samples.reconstruction.shape == (2, 1, 16, 16)
    assert samples.psnr.mean() == pytest.approx(number(made["tv"], "psnr"), abs=1e-3)
    assert samples.psnr_observed.mean() == pytest.approx(
        number(made["tv"], "psnr_observed"), abs=1e-3
    )


def test_a_finished_grid_is_kept_as_it_is(
    made: dict[str, RunRecord],
    specs: list[RunSpec],
    results: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        files = (path for path in results.rglob("*") if path.is_file())
        return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}

    before = state()
    assert make(specs, results) == 0
    assert state() == before
    assert capsys.readouterr().err.count("(from an earlier command)") == len(specs)


def test_the_same_seed_gives_the_same_quality_and_another_seed_another(
    made: dict[str, RunRecord], tmp_path: Path
) -> None:
    again = grid(f"jfb,dncnn,{TINY_TV}", seeds=2)
    assert make(again, tmp_path) == 0
    same, other = (
        records([spec for spec in again if spec.config["seed"] == seed], tmp_path)
        for seed in (0, 1)
    )
    for method in ("jfb", "dncnn", "tv"):
        psnr = number(made[method], "psnr")
        assert number(same[method], "psnr") == pytest.approx(psnr, abs=1e-6)
        assert abs(number(other[method], "psnr") - psnr) > 1e-3


def test_a_damaged_record_is_made_again(tmp_path: Path) -> None:
    (spec,) = grid(TINY_TV)
    folder = tmp_path / "runs" / spec.run_id
    folder.mkdir(parents=True)
    (folder / "record.json").write_text('{"run_id": ')
    assert make([spec], tmp_path) == 0
    assert read_record(folder).row["status"] == "completed"
