"""The callbacks that a command names, by the same grammar as methods."""

from __future__ import annotations

from bench.callbacks.base import Callback
from bench.config.overrides import compose_section
from bench.errors import UserError, blaming
from bench.experiment.selection import Choice, parse_choices
from bench.registry import CALLBACKS

OPTION = "--callbacks"


def parse_callbacks(text: str) -> tuple[str, ...]:
    """`tensorboard,mine[every=2]` as one text for each; UserError if one cannot work here."""
    choices = parse_choices(CALLBACKS, text, OPTION)
    for choice in choices:
        _made(choice)
    if len({choice.name for choice in choices}) < len(choices):
        raise UserError(f"{OPTION} {text!r}: give each callback once, with one value a parameter")
    return tuple(choice.label for choice in choices)


def make_callback(label: str) -> tuple[str, Callback]:
    """The name in one such text and a new callback; the registries must be loaded."""
    (choice,) = parse_choices(CALLBACKS, label, OPTION)
    return choice.name, _made(choice)


def _made(choice: Choice) -> Callback:
    name = choice.name
    overrides = [f"{name}.{parameter}" for parameter in choice.parameters]
    callback: Callback = compose_section(CALLBACKS.get(name), name, overrides)
    with blaming(f"callback {name!r}", plainly=(ValueError,)):
        callback.validate()
    return callback
