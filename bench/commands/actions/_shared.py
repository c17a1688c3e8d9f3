"""What several commands do alike."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.config.presets import Preset
from bench.console import table, terminal_width
from bench.machine.collector import collector_paused
from bench.plugins import load_all


def load_plugins(command: str, plugins: Sequence[str] = ()) -> None:
    """Load what is registered and the plug-ins; what was left out becomes warnings on stderr."""
    for warning in load_all(plugins):
        warn(command, f"warning: {warning}")


def fill_from(preset: Preset, arguments: argparse.Namespace, names: Iterable[str]) -> None:
    """Give the options that were not given, nor as a setting, their values of the preset."""
    for name in names:
        is_set = any(text.startswith(f"{name}=") for text in arguments.overrides)
        if getattr(arguments, name) is None and not is_set:
            setattr(arguments, name, preset.option(name))


def described(arguments: argparse.Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """What experiment.yaml says of the command."""
    return {
        "command_line": arguments.command_line,
        "request": request,
        "plugins": list(arguments.plugin),
    }


def warn(command: str, message: str) -> None:
    """Print a message of the command on stderr."""
    print(f"bench {command}: {message}", file=sys.stderr)


def fitted_table(rows: Sequence[Sequence[str]]) -> str:
    """The rows as an indented text that fits the terminal."""
    width = terminal_width()
    text = table(rows, width=width and width - 2)
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def show_report(command: str, folder: Path, **options: object) -> list[str]:
    """Write the report of a results folder and print its summary; returns the damaged records.

    What could not be made for the report is a warning, which is no failure of the command.
    """
    from reports.report import write_report

    # Going through ten thousand rows again and again took a sixth of a report's time.
    with collector_paused():
        result = write_report(folder, **options)  # type: ignore[arg-type]
    print(result.terminal)
    print(f"report:  {result.folder}")
    for problem in result.problems:
        warn(command, f"warning: {problem}")
    name_damaged(command, result.damaged)
    return result.damaged


def name_damaged(command: str, damaged: Iterable[str]) -> None:
    """Print which records are damaged, and why."""
    for message in damaged:
        warn(command, f"damaged record: {message}")
