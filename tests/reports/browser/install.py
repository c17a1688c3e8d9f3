"""Installs a Chromium where there is none, then runs a command:

    python -m tests.reports.browser.install COMMAND [ARGUMENT ...]

As root on Debian; elsewhere, where there is none, the command is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def reason_to_skip() -> str | None:
    """Why there is no Chromium, after an attempt to install one."""
    if shutil.which("chromium"):
        return None
    if os.geteuid() != 0:
        return "only root can install it"
    if not Path("/etc/debian_version").exists():
        return "its package is installed on Debian alone"
    return None if installed() else "apt-get could not install chromium"


def installed() -> bool:
    """Install the package; whether that went well. apt-get says on stderr what did not."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-qq", "--no-install-recommends", "chromium"]
    for command in (["apt-get", "update", "-qq"], install):
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:
            return False
    return shutil.which("chromium") is not None


def main(command: Sequence[str]) -> int:
    """Run the command; the exit status is its own, or 0 where it is skipped."""
    if reason := reason_to_skip():
        print(f"skipped, for want of a Chromium: {reason}")
        return 0
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
