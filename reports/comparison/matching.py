"""Which run of B is to be compared with which run of A."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.errors import UserError, unknown_name
from bench.records import COMPLETED
from bench.records.labels import parameters
from reports.format import NONE, printable

Run = dict[Hashable, Any]
TEST_IMAGES_SINCE = 5  # version of the records; before, curves were read on them as well
WORKLOAD = ("problem", "size", "noise_sigma", "layer")
GROUPS = ("problem", "layer", "network")


@dataclass(frozen=True)
class Pair:
    """A run of A and one of B that differ in the folder, and in the method where `renamed`."""

    a: Run
    b: Run
    renamed: bool

    @property
    def completed(self) -> bool:
        """Whether both runs have numbers to compare."""
        return bool(self.a["status"] == self.b["status"] == COMPLETED)

    @property
    def other_images(self) -> bool:
        """Whether only one of the runs has test images of its own: its PSNR is of other images."""
        a, b = (run["schema_version"] >= TEST_IMAGES_SINCE for run in (self.a, self.b))
        return bool(a != b)

    @property
    def disturbed(self) -> bool:
        """Whether the calibration says that one of the runs was disturbed."""
        return bool(self.a.get("disturbed", False) or self.b.get("disturbed", False))

    @property
    def method(self) -> str:
        """What the method is called in a table."""
        label = str(self.b["label"])
        return f"{label} / {printable(self.a['method'])}" if self.renamed else label

    @property
    def group(self) -> tuple[object, ...]:
        """The workload (problem, size, noise, layer) and the method: all but the seed."""
        return (*(_value(self.b, name) for name in WORKLOAD), self.method)


@dataclass(frozen=True)
class Matching:
    """The pairs, in reporting order, and the runs of each folder that have no partner.

    missing: those of A that B should have, which are all but those of a method that is compared
    with another one.
    """

    pairs: list[Pair]
    only_a: list[Run]
    only_b: list[Run]
    missing: list[Run]


def match_runs(
    a: pd.DataFrame, b: pd.DataFrame, renamed: Sequence[tuple[str, str]] = ()
) -> Matching:
    """Pair labelled runs of one problem, size, noise, layer, method, parameters and seed.

    `renamed` holds (NEW, OLD): method NEW of B is compared with OLD of A, whatever their
    parameters. Raises UserError if a method is unknown, a partner is ambiguous or there is none.
    """
    runs_a, runs_b = a.to_dict("records"), b.to_dict("records")
    _check_methods(runs_a, runs_b, renamed)
    new = {name for name, _ in renamed}
    pairs = _pairs(runs_a, [run for run in runs_b if run["method"] not in new])
    for name, old in renamed:
        pairs += _pairs(
            [run for run in runs_a if run["method"] == old],
            [run for run in runs_b if run["method"] == name],
            by_method=False,
        )
    if not pairs:
        raise UserError(_nothing_matches(runs_a, runs_b))
    used = {id(run) for pair in pairs for run in (pair.a, pair.b)}
    only_a, only_b = ([run for run in runs if id(run) not in used] for runs in (runs_a, runs_b))
    missing = [run for run in only_a if run["method"] not in new]
    return Matching(pairs, only_a, only_b, missing)


def named_runs(runs: Sequence[Run], longest: int = 6) -> str:
    """Return `motion 32 degrad jfb seeds 0 1; …`: runs by name, those of one method together."""
    seeds: dict[str, list[str]] = {}
    for run in runs:
        seeds.setdefault(run_name(run), []).append(str(run["seed"]))
    names = [
        f"{name} seed{'s' if len(each) > 1 else ''} {' '.join(each)}"
        for name, each in seeds.items()
    ]
    more = [f"{len(names) - longest} more"] if len(names) > longest else []
    return "; ".join(names[:longest] + more)


def run_name(run: Run) -> str:
    """Return problem, size, layer and method of a run, without its seed."""
    layer = printable(run["layer"]) or NONE
    return f"{printable(run['problem'])} {run['size']} {layer} {run['label']}"


def _pairs(runs_a: list[Run], runs_b: list[Run], *, by_method: bool = True) -> list[Pair]:
    of_a, of_b = defaultdict[object, list[Run]](list), defaultdict[object, list[Run]](list)
    swept = sorted(_swept(runs_a) | _swept(runs_b))
    for runs, found in ((runs_a, of_a), (runs_b, of_b)):
        for run in runs:
            found[_key(run, swept, by_method=by_method)].append(run)
    shared = [key for key in of_b if key in of_a]
    for folder, found in (("A", of_a), ("B", of_b)):
        for several in (found[key] for key in shared if len(found[key]) > 1):
            names = " and ".join(printable(run["run_id"]) for run in several[:2])
            raise UserError(f"{folder} has several runs to compare with one: {names}")
    return [Pair(of_a[key][0], of_b[key][0], not by_method) for key in shared]


def _swept(runs: list[Run]) -> set[str]:
    """Return what of problem, layer and network has several sets of parameters under one name."""
    sets = {(group, run[f"{group}_name"], _sorted(run, group)) for run in runs for group in GROUPS}
    names = Counter((group, name) for group, name, _ in sets)
    return {group for (group, _), count in names.items() if count > 1}


def _key(run: Run, swept: Sequence[str], *, by_method: bool) -> tuple[object, ...]:
    """Return what partners share; swept: groups whose parameters tell runs of a folder apart."""
    names = (run[f"{group}_name"] for group in GROUPS)
    workload = [*names, run["size"], _value(run, "noise_sigma"), run["seed"]]
    workload += [_sorted(run, group) for group in swept]
    if not by_method:
        return tuple(workload)
    return (*workload, run["method"], _sorted(run, "method"))


def _sorted(run: Run, group: str) -> str:
    """Return parameters in one order; the size of a problem has a column of its own."""
    given = parameters(run[f"{group}_params"])
    return json.dumps({name: given[name] for name in given if name != "size"}, sort_keys=True)


def _value(run: Run, name: str) -> object:
    """Return a value that equals itself: NaN, an unknown noise level, does not."""
    value = run[name]
    return None if isinstance(value, float) and value != value else value


def _check_methods(
    runs_a: list[Run], runs_b: list[Run], renamed: Sequence[tuple[str, str]]
) -> None:
    for name, old in renamed:
        for folder, runs, given in (("B", runs_b, name), ("A", runs_a, old)):
            known = {str(run["method"]) for run in runs}
            if given not in known:
                raise unknown_name(f"method in folder {folder}", given, map(printable, known))


def _nothing_matches(runs_a: list[Run], runs_b: list[Run]) -> str:
    for folder, runs in (("A", runs_a), ("B", runs_b)):
        if not runs:
            return f"folder {folder} has no readable run to compare"
    return (
        "no run of B matches one of A: they differ in problem, size, noise, layer, method, "
        f"parameters or seed (A: {named_runs(runs_a, 2)}; B: {named_runs(runs_b, 2)}); "
        "--match NEW=OLD compares one method with another"
    )
