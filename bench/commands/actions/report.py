"""Writes the report of a results folder."""

from __future__ import annotations

import argparse

from bench.commands.actions._shared import show_report


def execute(arguments: argparse.Namespace) -> int:
    """Write the report; 2 if some records are damaged."""
    damaged = show_report(
        "report",
        arguments.folder,
        target=arguments.target,
        reference=arguments.reference,
        all_figures=arguments.figures == "all",
        style=arguments.style,
        parquet=arguments.parquet,
    )
    return 2 if damaged else 0
