"""What the runner shows: a plain line for every run, and bars on a terminal."""

from __future__ import annotations

import io
import math
from types import SimpleNamespace

import pytest
from rich.console import Console

from bench.execution.progress import GridProgress
from bench.experiment.spec import RunSpec


class Watch:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    clock = SimpleNamespace(monotonic=lambda: made.seconds)
    monkeypatch.setattr("bench.execution.progress.time", clock)
    return made


def spec(method: str = "jfb", layer: str | None = "degrad", seed: int = 0) -> RunSpec:
    config = {
        "problem": {"name": "motion", "parameters": {"size": 32}},
        "layer": {"name": layer, "parameters": {}} if layer else None,
        "seed": seed,
    }
    return RunSpec(run_id=f"{method}-{seed}", config=config, method=method)


def completed(psnr: float = 30.0, train_seconds: float = 8.0) -> dict[str, object]:
    return {"status": "completed", "message": "", "psnr": psnr, "train_seconds": train_seconds}


def plain(total: int) -> tuple[GridProgress, io.StringIO]:
    text = io.StringIO()
    return GridProgress(total, Console(file=text, soft_wrap=True)), text


def test_a_finished_run_is_one_line_with_its_place_name_and_outcome(watch: Watch) -> None:
    progress, text = plain(total=1)
    with progress:
        progress.start(spec(), 10)
        progress.report("jfb-0", 5, 28.0)
        progress.finish(spec(), completed(31.456, 8.04), kept=False)
    assert text.getvalue() == "[1/1] motion 32 degrad jfb seed 0: 31.46 dB, trained in 8.0 s\n"


def test_a_method_without_training_and_layer_names_neither(watch: Watch) -> None:
    progress, text = plain(total=1)
    with progress:
        progress.start(spec("tv", layer=None, seed=3), 10)
        progress.finish(
            spec("tv", layer=None, seed=3), completed(train_seconds=math.nan), kept=False
        )
    assert text.getvalue() == "[1/1] motion 32 tv seed 3: 30.00 dB\n"


def test_lines_are_numbered_in_the_order_of_the_runs(watch: Watch) -> None:
    progress, text = plain(total=3)
    with progress:
        for seed in range(3):
            progress.start(spec(seed=seed), 10)
            progress.finish(spec(seed=seed), completed(), kept=False)
    lines = text.getvalue().splitlines()
    assert [line.split("]")[0] for line in lines] == ["[1/3", "[2/3", "[3/3"]
    assert [f"seed {seed}:" in line for seed, line in enumerate(lines)] == [True] * 3


def test_a_failed_run_says_its_status_and_message_as_they_are(watch: Watch) -> None:
    progress, text = plain(total=1)
    failed = {"status": "out_of_memory", "message": "tried [bold]8 GiB[/bold] [/]"}
    with progress:
        progress.start(spec("phantom[steps=3]"), 10)
        progress.finish(spec("phantom[steps=3]"), failed, kept=False)
    expected = "phantom[steps=3] seed 0: out_of_memory: tried [bold]8 GiB[/bold] [/]\n"
    assert text.getvalue().endswith(expected)


def test_a_run_that_was_found_finished_is_said_to_be_kept(watch: Watch) -> None:
    progress, text = plain(total=2)
    with progress:
        progress.finish(spec(), completed(), kept=True)
        progress.start(spec(seed=1), 10)
        progress.finish(spec(seed=1), completed(), kept=False)
    kept, made = text.getvalue().splitlines()
    assert kept.endswith("30.00 dB, trained in 8.0 s (from an earlier command)")
    assert "kept" not in made


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(2, "about 6 s left"), (30, "about 1 min 30 s left"), (4000, "about 200 min 00 s left")],
)
def test_time_left_is_at_the_pace_so_far_in_words(watch: Watch, seconds: int, words: str) -> None:
    progress, text = plain(total=4)
    with progress:
        progress.start(spec(), 10)
        watch.seconds = seconds
        progress.finish(spec(), completed(), kept=False)
    assert text.getvalue().rstrip().endswith(f", trained in 8.0 s, {words}")


def test_a_line_has_the_parts_of_its_run_apart_by_commas(watch: Watch) -> None:
    progress, text = plain(total=2)
    with progress:
        progress.start(spec(), 10)
        watch.seconds = 300
        progress.finish(spec(), completed(train_seconds=15.1), kept=False)
    parts = "30.00 dB, trained in 15.1 s, about 5 min 00 s left"
    assert text.getvalue() == f"[1/2] motion 32 degrad jfb seed 0: {parts}\n"


def test_a_failed_run_tells_the_time_left_too(watch: Watch) -> None:
    progress, text = plain(total=2)
    with progress:
        progress.start(spec(), 10)
        watch.seconds = 7
        progress.finish(spec(), {"status": "timeout", "message": "too slow"}, kept=False)
    assert text.getvalue().endswith("seed 0: timeout: too slow, about 7 s left\n")


def test_kept_runs_say_nothing_of_the_pace(watch: Watch) -> None:
    progress, text = plain(total=6)
    with progress:
        for seed in range(3):
            progress.finish(spec(seed=seed), completed(), kept=True)
        progress.start(spec(seed=3), 10)
        watch.seconds = 20
        progress.finish(spec(seed=3), completed(), kept=False)
    *kept, made = text.getvalue().splitlines()
    assert not any("left" in line for line in kept)
    assert "about 40 s left" in made


def test_the_last_line_has_no_time_left(watch: Watch) -> None:
    progress, text = plain(total=1)
    with progress:
        progress.start(spec(), 10)
        watch.seconds = 20
        progress.finish(spec(), completed(), kept=False)
    assert "left" not in text.getvalue()


def test_a_terminal_sees_the_current_run_and_the_time_left_while_it_goes_on(watch: Watch) -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=160, soft_wrap=True)
    progress = GridProgress(2, console)
    with progress:
        progress.start(spec(), 10)
        watch.seconds = 5
        progress.report("jfb-0", 5, 28.25)
    shown = text.getvalue()
    for words in ("motion 32 degrad jfb seed 0", "5/10", "28.25 dB", "all runs", "0/2"):
        assert words in shown
    assert "about 15 s left" in shown  # half of one run of two took 5 s


def test_a_terminal_has_the_time_left_beside_the_bar_alone(watch: Watch) -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=160, soft_wrap=True, highlight=False)
    progress = GridProgress(2, console)
    with progress:
        progress.start(spec(), 10)
        watch.seconds = 20
        progress.finish(spec(), completed(), kept=False)
    (line,) = [line for line in text.getvalue().splitlines() if "[1/2]" in line]
    assert line.rstrip().endswith("30.00 dB, trained in 8.0 s")
    assert "about 20 s left" in text.getvalue()


def test_several_runs_at_a_time_have_a_bar_each(watch: Watch) -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=160, soft_wrap=True)
    progress = GridProgress(2, console)
    with progress:
        progress.start(spec(), 10)
        progress.start(spec(seed=1), 10)
        watch.seconds = 6
        progress.report("jfb-1", 6, 28.0)
        progress.report("jfb-0", 6, 27.0)
    assert "seed 0" in text.getvalue()
    assert "seed 1" in text.getvalue()
    assert "about 4 s left" in text.getvalue()  # 1.2 runs took 6 s, 0.8 are left


def test_waiting_for_others_is_said_once_and_a_dropped_run_is_not_counted(watch: Watch) -> None:
    progress, text = plain(total=1)
    with progress:
        progress.start(spec(), 10)
        progress.drop(spec())
        for _ in range(3):
            progress.wait_for(1)
        progress.finish(spec(), completed(), kept=True)
    said, made = text.getvalue().splitlines()
    assert said == "waiting for 1 run of another command"
    assert made.startswith("[1/1]")
