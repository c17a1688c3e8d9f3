"""What registers classes: built-in files, installed distributions, plug-ins."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bench import plugins, registry
from bench.errors import UserError
from bench.plugins import load_all, load_builtins, load_entry_points, load_plugin, loaded_plugins
from bench.registry import METHODS, REGISTRIES
from tests.support.command_line import PLUGIN

ENTRY_POINT_GROUPS = plugins.ENTRY_POINT_GROUPS  # `registered` leaves none


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
        load_all(str(tmp_path / f"{name}.py") for name in texts)
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
        (PLUGIN + "\nraise ValueError('two\\nlines')", "ValueError: two"),
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
    monkeypatch.setattr(plugins, "ENTRY_POINT_GROUPS", (group,))
    monkeypatch.setattr(plugins.importlib.metadata, "entry_points", lambda group: announced)
    warnings = load_entry_points()
    assert warnings == ["announced_bad: announced_bad was skipped: RuntimeError: no licence"]
    assert METHODS.entry("mine").source == "announced_good"


def test_all_groups_of_entry_points_are_loaded(
    registered: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    kinds = ["method", "problem", "layer", "network", "images", "callback"]
    groups = {kind: f"implicit_bench.{kind.removesuffix('s')}s" for kind in kinds}
    announced: dict[str, list[EntryPoint]] = {}
    for kind, group in groups.items():
        text = PLUGIN.replace("register_method", f"register_{kind}")
        (tmp_path / f"announced_{kind}.py").write_text(text)
        announced[group] = [EntryPoint("any", f"announced_{kind}", group)]
    monkeypatch.setattr(plugins, "ENTRY_POINT_GROUPS", ENTRY_POINT_GROUPS)
    monkeypatch.setattr(
        plugins.importlib.metadata, "entry_points", lambda group: announced.pop(group)
    )
    assert load_entry_points() == []
    assert announced == {}
    sources = {kind.kind: kind.entry("mine").source for kind in REGISTRIES}
    assert sources == {kind: f"announced_{kind}" for kind in kinds}


def test_builtin_packages_are_imported_without_private_modules(
    registered: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "pretend_builtin"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mine.py").write_text(PLUGIN)
    (package / "_torch.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugins, "BUILTIN_PACKAGES", ("pretend_builtin",))
    monkeypatch.setattr(registry, "BUILTIN_ROOTS", ("pretend_builtin",))
    load_builtins()
    assert METHODS.entry("mine").source == "built-in"
