"""A separate package, built from its sources and installed, is found by its entry points."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "tests" / "plugin_package"
Bench = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package is installed, without a network."""
    folder = tmp_path_factory.mktemp("installed")
    sources = shutil.copytree(SOURCES, folder / "sources")  # a build leaves files next to them
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    offline = ["--no-build-isolation", "--target", str(folder / "site"), str(sources)]
    done = subprocess.run([*pip, *offline], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture
def bench(site: Path, tmp_path: Path) -> Bench:
    """Runs the command line in an empty folder, with `site` among the installed packages."""

    def run(*arguments: str, also: Path | None = None) -> subprocess.CompletedProcess[str]:
        paths = [str(path) for path in (site, also, ROOT) if path]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, "-m", "bench", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return run


def test_list_shows_what_the_package_announces(bench: Bench) -> None:
    listed = bench("list")
    assert (listed.returncode, listed.stderr) == (0, "")
    origin = "(from implicit-bench-example)"
    lines = [" ".join(line.split()) for line in listed.stdout.splitlines() if origin in line]
    assert [line.split()[0] for line in lines] == ["last_steps", "box"]
    assert lines[0].startswith("last_steps gradient steps=2 Last steps: T applied")


def test_check_finds_the_method_of_the_package(bench: Bench) -> None:
    checked = bench("check", "last_steps[step=3]")
    assert checked.returncode == 2
    assert "did you mean 'steps'?" in checked.stderr


@pytest.mark.soak
def test_check_and_list_go_together(bench: Bench) -> None:
    checked = bench("check", "last_steps[steps=3]", "--layer", "degrad")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.splitlines()[-1].startswith("last_steps[steps=3]: ok")


def test_packages_that_fail_are_warnings_and_do_not_stop_the_others(
    bench: Bench, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    announce(other, "raises", "raise OSError('no licence')")
    announce(other, "exits", "raise SystemExit(3)")
    announce(other, "takes_a_name", METHOD.replace("NAME", "jfb"))
    announce(other, "fine", METHOD.replace("NAME", "fine"))
    listed = bench("list", "methods", also=other)
    assert listed.returncode == 0
    names = [line.split()[0] for line in listed.stdout.splitlines()[2:]]
    assert {"jfb", "last_steps", "fine"} <= set(names)
    assert sorted(listed.stderr.splitlines()) == [
        "bench list: warning: exits: exits_module was skipped: SystemExit: 3",
        "bench list: warning: raises: raises_module was skipped: OSError: no licence",
        "bench list: warning: takes_a_name: takes_a_name_module was skipped: "
        "method 'jfb': already registered by built-in",
    ]


METHOD = '''
from dataclasses import dataclass
from bench import register_method

@register_method("NAME")
@dataclass(frozen=True)
class Method:
    """A method."""
'''


def announce(folder: Path, name: str, text: str) -> None:
    """Install by hand a distribution of one module, announced as a method."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / f"{name}_module.py").write_text(text)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    entry = f"[implicit_bench.methods]\n{name} = {name}_module\n"
    (information / "entry_points.txt").write_text(entry)
