"""Random streams split by purpose."""

from __future__ import annotations

import pytest

from problems.seeds import PURPOSES, derive_seed


def test_every_purpose_and_seed_has_a_stream_of_its_own() -> None:
    streams = {derive_seed(seed, purpose) for seed in range(20) for purpose in PURPOSES}
    assert len(streams) == 20 * len(PURPOSES)


def test_a_stream_is_a_seed_that_torch_and_numpy_accept() -> None:
    assert all(0 <= derive_seed(seed, purpose) < 2**63 for seed in (0, 7) for purpose in PURPOSES)


def test_the_streams_are_those_of_earlier_results() -> None:
    # SHA-256 of "kernel:0", by sha256sum: a change would give every experiment another problem.
    assert derive_seed(0, "kernel") == 0x4AEF6D880ED0069D >> 1


def test_an_unknown_purpose_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'train_noize'.*train_noise"):
        derive_seed(0, "train_noize")
