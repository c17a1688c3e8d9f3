"""Names of registered classes, and what a class must be to get one."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest

from bench.errors import RegistrationError, UserError
from bench.registry import METHODS, Registry, register_method


@dataclass(frozen=True)
class Good:
    """One line.

    More.
    """

    steps: int = 3


def refusal(cls: Any, name: str = "name") -> str:
    with pytest.raises(RegistrationError) as caught:
        Registry("method").add(name, cls)
    return str(caught.value)


def test_entry_holds_name_class_source_and_summary() -> None:
    methods = Registry("method")
    methods.add("good", Good)
    assert methods.get("good") is Good
    assert methods.names() == ("good",)
    assert list(methods.items()) == [("good", Good)]
    assert methods.entry("good").summary == "One line."
    assert methods.entry("good").source == __name__
    assert methods.name_of(Good(steps=4)) == "good"


def test_unknown_name_gets_the_nearest_one(registered: None) -> None:
    with pytest.raises(UserError, match=r"unknown method 'fantom': did you mean 'phantom'\?"):
        METHODS.get("fantom")
    with pytest.raises(UserError, match="choose from jfb, phantom, tv"):
        METHODS.get("xyz")


@pytest.mark.parametrize("name", ["all", "libraries"])
def test_names_of_groups_are_refused(name: str) -> None:
    assert "the name is reserved" in refusal(Good, name)


@pytest.mark.parametrize("name", ["Jfb", "2step", "a-b", "../x", "", "a b"])
def test_bad_names_are_refused(name: str) -> None:
    assert "lower-case letters" in refusal(Good, name)


def test_a_name_is_taken_only_once(registered: None) -> None:
    with pytest.raises(RegistrationError, match="method 'jfb': already registered by"):
        register_method("jfb")(Good)


def test_a_class_that_is_no_dataclass_is_refused() -> None:
    class Plain:
        """Not a dataclass."""

    class Child(Good):
        """Its own annotations are no fields."""

        tolerance: float = 1.0

    assert "@register_method above @dataclass" in refusal(Plain)
    assert "@register_method above @dataclass" in refusal(Child)


def test_a_docstring_of_its_own_is_needed() -> None:
    @dataclass
    class Silent:
        steps: int = 3

    assert "docstring" in refusal(Silent)


def test_every_parameter_needs_a_default_of_a_usable_type() -> None:
    def refused(annotation: Any, **default: Any) -> str:
        field = dataclasses.field(**default)
        cls = dataclasses.make_dataclass("Made", [("steps", annotation, field)])
        cls.__doc__ = "Made."
        return refusal(cls)

    assert "'steps' needs a default" in refused(int)
    assert "'steps'" in refused(complex, default=1j)
    assert "'steps'" in refused(int, default="many")
    assert "'steps'" in refused(Literal["a", "b"], default="a")
    assert "NoSuchType" in refused("NoSuchType", default=1)


def test_a_parameter_without_a_type_is_refused() -> None:
    @dataclass(frozen=True)
    class Base:
        library: ClassVar[str] = ""
        steps: int = 3

    @dataclass(frozen=True)
    class Typed(Base):
        """A method."""

        LIMIT = 3
        library = "theirs"
        damping: float = 0.5

        def solve(self) -> int:
            return self.steps

        @property
        def twice(self) -> int:
            return 2 * self.steps

    @dataclass(frozen=True)
    class Untyped(Typed):
        """A method."""

        tolerance = 0.1

    @dataclass(frozen=True)
    class SilentlyIgnored(Typed):
        """A method whose default would stay 3."""

        steps = 4

    Registry("method").add("typed", Typed)
    needed = "parameter 'tolerance' needs a type, such as tolerance: float = 0.1"
    assert needed in refusal(Untyped)
    assert "parameter 'steps' needs a type, such as steps: int = 4" in refusal(SilentlyIgnored)


def test_what_the_base_demands_must_be_defined() -> None:
    class Base(ABC):
        @abstractmethod
        def fixed_point(self) -> None: ...

    @dataclass
    class Unfinished(Base):
        """A method."""

    assert "fixed_point must be defined" in refusal(Unfinished)
