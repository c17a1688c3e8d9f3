"""Commands of the suite in this process, and a plug-in to give them."""

from __future__ import annotations

import pytest

from bench.cli import run_command_line

PLUGIN = '''
from __future__ import annotations
from dataclasses import dataclass
import bench

@bench.register_method("mine")
@dataclass(frozen=True)
class Mine:
    """My own method.

    With details."""

    steps: int = 3
'''


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on stderr of a command that the user has to mend."""
    assert run_command_line([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith("\n")
    assert printed.err.count("\n") == 1
    assert "error: " in printed.err
    return printed.err
