"""Which job of the cluster makes which run: `slurm.json` in a results folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from bench.errors import UserError
from bench.records import write_text
from bench.records.files import JOBS, is_there, read_text


def read_jobs(results: Path) -> dict[str, str]:
    """The job id of every run that was submitted, {} if none was; UserError for a damaged file."""
    path = results / JOBS
    if not is_there(path):
        return {}
    try:
        jobs = json.loads(read_text(path)).get("jobs")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: {error}") from error
    if not isinstance(jobs, dict) or not all(_is_id(each) for each in jobs.values()):
        raise UserError(f"{path}: does not give a job id for each run")
    return jobs


def _is_id(value: object) -> bool:
    """Whether this is a job id such as 12 or 12_3, and nothing that a command would misread."""
    return isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}(_[0-9]{1,18})?", value) is not None


def write_jobs(results: Path, jobs: Mapping[str, str]) -> None:
    """Write the file; its caller holds the folder's lock."""
    write_text(results / JOBS, json.dumps({"jobs": dict(jobs)}, indent=1) + "\n")
