"""What the tests run as jobs: tasks are paths, and each writes what it saw beside its path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import bench


def describe(task: str) -> None:
    """Write what the surroundings of the job are."""
    seen = {
        "python": sys.executable,
        "checkout": str(Path(bench.__file__).parent.parent),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "cpus": os.environ.get("SLURM_CPUS_PER_TASK", ""),
    }
    Path(task).write_text(json.dumps(seen), encoding="utf-8")


def wait_once(task: str) -> None:
    """Never end at the first attempt, and end at once at the second; write what happens."""
    attempts = Path(task)
    with attempts.open("a", encoding="utf-8") as file:
        print("attempt", file=file, flush=True)
        if attempts.read_text(encoding="utf-8") == "attempt\n":
            try:
                subprocess.run(["sh", "-c", "trap '' TERM USR2; sleep 600"], check=False)
                print("took the signal for a failure", file=file, flush=True)
            finally:
                print("cleaned up", file=file, flush=True)


def wait(task: str) -> None:
    """Take a moment, for others to see it run."""
    time.sleep(float(task))
