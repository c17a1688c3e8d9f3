"""Callbacks as a command names them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bench.callbacks.base import Callback
from bench.config.parameters import parameter
from bench.errors import UserError
from bench.experiment.callbacks import make_callback, parse_callbacks
from bench.registry import register_callback
from tests.support.tiny_runs import grid

pytestmark = pytest.mark.usefixtures("callbacks")


@dataclass
class Counts(Callback):
    """Counts evaluations."""

    every: int = parameter(1, at_least=1)

    def validate(self) -> None:
        if self.every == 13:
            raise ValueError("every=13: not on a Friday")


@pytest.fixture
def callbacks() -> None:
    register_callback("counts")(Counts)
    register_callback("other")(Counts)


def test_names_with_parameters_become_callbacks() -> None:
    labels = parse_callbacks("other,counts[every=3]")
    assert labels == ("other", "counts[every=3]")
    assert [make_callback(label) for label in labels] == [
        ("other", Counts()),
        ("counts", Counts(every=3)),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("count", "unknown callback 'count': did you mean 'counts'?"),
        ("counts[evry=1]", "did you mean 'every'?"),
        ("counts[every=0]", "counts.every=0: must be at least 1"),
        ("counts[every=x]", "counts.every: 'x' is not an int"),
        ("counts[every=13]", "callback 'counts': every=13: not on a Friday"),
        ("counts[every=1,2]", "give each callback once"),
        ("counts,counts[every=2]", "give each callback once"),
        ("", "--callbacks: give at least one callback"),
    ],
)
def test_what_cannot_be_made_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_callbacks(text)
    assert reason in str(caught.value)


def test_a_run_is_the_same_with_and_without_callbacks() -> None:
    (spec,) = grid("jfb")
    assert "callbacks" not in spec.config
    with pytest.raises(UserError, match="use --callbacks instead"):
        grid("jfb", "callbacks=[counts]")
