"""What all tests share."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Threads cost more than they give on tiny images, and would change the last bits."""
    if "torch" in sys.modules:  # a test that needs it has imported it by now
        sys.modules["torch"].set_num_threads(1)
