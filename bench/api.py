"""What `python -m bench run` does, from Python: `bench.run(methods="jfb,ift", seeds=3)`."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path

from bench.cli import parsed
from bench.commands.actions.run import make
from bench.records import Results, load_results

Names = str | Iterable[str]
INTERRUPTED = 130  # or terminated: the command has kept what it had


def run(
    methods: Names | None = None,
    problem: Names | None = None,
    *,
    sizes: int | Iterable[int] | None = None,
    seeds: int | None = None,
    layer: Names | None = None,
    network: Names | None = None,
    preset: str | None = None,
    device: str | None = None,
    out: Path | str | None = None,
    jobs: int | None = None,
    repeats: int | None = None,
    noise_pairs: int | None = None,
    callbacks: Names | None = None,
    retry_failed: bool = False,
    report: bool = False,
    plugins: Iterable[Path | str] = (),
    **settings: object,
) -> Results:
    """Make the runs of a grid, as the command of this name does, and return all that they left.

    What is None is what the command takes: see `python -m bench run --help`. Names may be swept:
    `methods="jfb,phantom[steps=1,3]"`, or a list of such. sizes: pixels; out: the results folder;
    report: whether to write the report as well. settings: `train={"steps": 60}`, or
    `**{"train.steps": 60}`. The same call continues what was interrupted. A failed run is a row
    with a status, no exception. Progress goes to stderr. Raises UserError for whatever the command
    refuses.
    """
    options = {
        "methods": methods,
        "problem": problem,
        "sizes": sizes,
        "seeds": seeds,
        "layer": layer,
        "network": network,
        "preset": preset,
        "device": device,
        "out": out,
        "jobs": jobs,
        "repeats": repeats,
        "noise-pairs": noise_pairs,
        "callbacks": callbacks,
    }
    arguments = [
        *(f"--{name}={_listed(value)}" for name, value in options.items() if value is not None),
        *(["--retry=failed"] if retry_failed else []),
        *([] if report else ["--no-report"]),
        *(f"--plugin={plugin}" for plugin in plugins),
        *_settings("", settings),
    ]
    with redirect_stdout(io.StringIO()):
        made = make(parsed("run", arguments))
    if made.status >= INTERRUPTED:
        raise KeyboardInterrupt
    return load_results(made.folder)


def _listed(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(map(str, value))
    return str(value)


def _settings(prefix: str, given: Mapping[str, object]) -> Iterator[str]:
    """`train.steps=60` of {"train": {"steps": 60}} and of {"train.steps": 60}."""
    for name, value in given.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _settings(f"{key}.", value)
        else:
            yield f"{key}={str(value).lower() if isinstance(value, bool) else value}"
