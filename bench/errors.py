"""Errors that a user can mend, and the wording of "did you mean"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LONGEST_MESSAGE = 1000  # characters of an error; what a user gave may be of any length


def printable(text: object, longest: int = 48) -> str:
    """One line of printable characters; names and messages may come from a stranger's record."""
    line = " ".join(text_of(text).split())
    clean = "".join(letter if letter.isprintable() else "?" for letter in line)
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"


def text_of(value: object) -> str:
    """The text of a value, or the name of its type where a plug-in's `__str__` raises."""
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__} without a text>"


def counted(number: int, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number} {noun}{'s' if number != 1 else ''}"


def first_line(error: BaseException, longest: int = 500) -> str:
    """The first line of an error's message, or its name where it has none."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else text_of(error)
    return (str(reason).strip() or type(error).__name__).splitlines()[0][:longest]


def named_line(error: BaseException) -> str:
    """The same after the error's type, which a message of ours does without."""
    line = first_line(error)
    return line if isinstance(error, UserError) else f"{type(error).__name__}: {line}"


class UserError(Exception):
    """A mistake in what the user gave: shown as one line on stderr, with exit status 2."""

    def __init__(self, message: str) -> None:
        # A message often quotes another library's text, which may run over several lines, or a
        # stranger's file, which may steer the terminal that it is shown on.
        line = printable(message, len(message))
        if len(line) > LONGEST_MESSAGE:  # the advice stands at its end
            line = f"{line[: LONGEST_MESSAGE - 300]} … {line[-297:]}"
        super().__init__(line)


class RegistrationError(UserError):
    """A method, problem, layer or image source that cannot be registered as it is written."""


@contextmanager
def blaming(culprit: str, *, plainly: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn whatever the code of a plug-in raises in the block into one line that names it.

    plainly: errors whose message says enough without their type. UserError passes as it is.
    """
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plug-in may raise SystemExit, or a class of its own
        reason = first_line(error) if isinstance(error, plainly) else named_line(error)
        raise UserError(f"{culprit}: {reason}") from error


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a `name` that is not among the `known` ones, with the nearest of them."""
    return UserError(f"unknown {kind} {name!r}: {suggestion(name, known)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` when a known name is near, else the known names to choose from."""
    known = sorted(known)
    by_lower_case = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), list(by_lower_case), n=1)
    if close:
        return f"did you mean {by_lower_case[close[0]]!r}?"
    return f"choose from {', '.join(known)}" if known else "there are none"
