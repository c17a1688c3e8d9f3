from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from bench import registry
from bench.errors import RegistrationError, UserError
from bench.plugins import load_entry_points, load_plugin, loaded_plugins
from bench.registry import METHODS, Registry, register_method

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
    with pytest.raises(UserError, match="known are jfb, phantom, tv"):
        METHODS.get("xyz")


@pytest.mark.parametrize("name", ["all", "libraries"])
def test_names_of_groups_are_refused(name: str) -> None:
    assert "stands for several" in refusal(Good, name)


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


def test_plugins_that_fail_are_all_named_and_the_others_loaded(
    registered: None, tmp_path: Path
) -> None:
    texts = {
        "raises": "1 / 0",
        "good": PLUGIN,
        "untyped": PLUGIN.replace("    steps: int = 3", "    steps = 3"),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text.replace('"mine"', f'"{name}"'))
    with pytest.raises(UserError) as caught:
        registry.load_all(str(tmp_path / f"{name}.py") for name in texts)
    message = str(caught.value)
    assert "raises.py': ZeroDivisionError: division by zero; plug-in" in message
    assert "untyped.py': method 'untyped': parameter 'steps' needs a type" in message
    assert METHODS.entry("good").summary == "My own method."


def test_plugin_file_is_registered_with_its_path(registered: None, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    load_plugin(str(path))
    load_plugin(str(path))
    entry = METHODS.entry("mine")
    assert (entry.source, entry.summary) == (str(path), "My own method.")
    assert loaded_plugins() == (str(path),)


def test_plugins_of_the_same_file_name_do_not_collide(registered: None, tmp_path: Path) -> None:
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mine.py").write_text(PLUGIN.replace('"mine"', f'"{name}"'))
        load_plugin(str(folder / "mine.py"))
    assert METHODS.get("first") is not METHODS.get("second")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def broken(:", "SyntaxError"),
        ("import no_such_module_at_all", "ModuleNotFoundError"),
        ("import sys; sys.exit(3)", "SystemExit"),
        (PLUGIN + "\nraise ValueError('two\\nlines')", "ValueError: two lines"),
        (PLUGIN.replace('"mine"', '"jfb"'), "already registered"),
    ],
)
def test_a_plugin_that_fails_is_one_line_and_leaves_nothing(
    registered: None, tmp_path: Path, text: str, expected: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    before = METHODS.names()
    with pytest.raises(UserError) as caught:
        load_plugin(str(path))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert METHODS.names() == before
    assert loaded_plugins() == ()


@pytest.mark.parametrize("name", ["no/such/file.py", "no_such_module_at_all"])
def test_a_missing_plugin_is_named(registered: None, name: str) -> None:
    with pytest.raises(UserError, match=f"plug-in '{name}'"):
        load_plugin(name)


def test_an_entry_point_that_fails_is_a_warning(
    registered: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "announced_good.py").write_text(PLUGIN)
    (tmp_path / "announced_bad.py").write_text("raise RuntimeError('no licence')")
    monkeypatch.syspath_prepend(tmp_path)
    group = "implicit_bench.methods"
    announced = [EntryPoint(name, f"announced_{name}", group) for name in ("bad", "good")]
    monkeypatch.setattr(registry, "ENTRY_POINT_GROUPS", (group,))
    monkeypatch.setattr(registry.importlib.metadata, "entry_points", lambda group: announced)
    warnings = load_entry_points()
    assert warnings == ["announced_bad: announced_bad left out: RuntimeError: no licence"]
    assert METHODS.entry("mine").source == "announced_good"


def test_builtin_packages_are_imported_without_private_modules(
    registered: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pretend_builtin"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mine.py").write_text(PLUGIN)
    (package / "_torch.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "BUILTIN_PACKAGES", ("pretend_builtin",))
    registry.load_builtins()
    assert METHODS.entry("mine").source == "built-in"
