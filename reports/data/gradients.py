"""The measurements of gradients with labels, split by problem and layer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pandas as pd

from bench.records import Results
from bench.records.labels import parameters
from reports.data.grouping import completed
from reports.data.labels import with_labels, with_workloads
from reports.format import TIMES, printable

DEFAULT_TOLERANCE = 1e-4
STATE_ORDER = ("initial", "trained")
Budgets = Mapping[str, Mapping[str, str]]
Self = TypeVar("Self", bound="GradientData")


@dataclass(frozen=True)
class GradientData:
    """The measurements of one problem and layer, at one size or at all.

    `table` has, besides the columns of `gradients`: label, line (the method without its budget),
    budget, legend and shown (whether it stands for its line where there is room for one).
    """

    table: pd.DataFrame
    problem: str
    layer: str
    sizes: tuple[int, ...]
    tolerance: float

    @property
    def title(self) -> str:
        """The problem, size and layer in words."""
        least, largest = self.sizes[0], self.sizes[-1]
        size = f"{least}{TIMES}{least}" if least == largest else f"{least} to {largest}"
        return f"{printable(self.problem)}, {size} px, {printable(self.layer)} layer"

    @property
    def completed(self) -> pd.DataFrame:
        """The measurements that ended well."""
        return completed(self.table)

    @property
    def usual(self) -> pd.DataFrame:
        """The completed ones at the usual tolerance, or of methods that use none."""
        return at_tolerance(self.completed, self.tolerance)

    @property
    def states(self) -> list[str]:
        """The states of the weights, initial first."""
        found = set(self.table["state"])
        return [name for name in STATE_ORDER if name in found] + sorted(found - set(STATE_ORDER))

    def at(self: Self, size: int) -> Self:
        """The part at one size."""
        return replace(self, table=self.table[self.table["size"] == size], sizes=(size,))

    def failure(self, name: str, column: str = "legend") -> str:
        """Why a method has no completed measurement: its statuses in words; "" if it has one."""
        own = self.table[self.table[column] == name]
        if len(completed(own)):
            return ""
        return ", ".join(sorted(printable(each).replace("_", " ") for each in set(own["status"])))


def gradient_data(results: Results) -> list[GradientData]:
    """Return the measurements of each problem and layer, in reporting order."""
    if results.gradients.empty:
        return []
    tolerance = usual_tolerance(results)
    return [
        GradientData(group, str(problem), str(layer), tuple(sorted(set(group["size"]))), tolerance)
        for (problem, layer), group in _labelled(results).groupby(["problem", "layer"], sort=False)
    ]


def _labelled(results: Results) -> pd.DataFrame:
    """Return the measurements in reporting order with label, line, budget, legend and shown."""
    budgets, table = _budgets(results.experiment), with_workloads(results.gradients)
    pairs = zip(table["method"], table["method_params"], strict=True)
    parts = [_split(text, budgets.get(method, {}).get("parameter", "")) for method, text in pairs]
    budget, rest = zip(*parts, strict=True)
    table = with_labels(
        table.assign(budget=budget, given=table["method_params"], method_params=rest)
    )
    table = table.assign(rest=table["method_params"], line=table["label"])
    table = with_labels(table.assign(method_params=table["given"]))
    table["shown"] = [_is_shown(row, budgets) for row in table.to_dict("records")]
    sets = table[table["shown"]].groupby("line")["method_params"].nunique()
    table["legend"] = table["label"].where(table["line"].map(sets) != 1, table["line"])
    return table.drop(columns=["given", "rest"])


def usual_tolerance(results: Results) -> float:
    """Return the measured forward tolerance nearest to the one that `run` uses; NaN if none."""
    wanted = _mapping(results.experiment.get("gradients")).get("usual_tolerance")
    wanted = wanted if isinstance(wanted, float) and 0 < wanted < math.inf else DEFAULT_TOLERANCE
    measured = [value for value in set(results.gradients["tolerance"]) if value > 0]
    return min(measured, key=lambda value: abs(math.log(value / wanted)), default=math.nan)


def at_tolerance(table: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Return the rows at a forward tolerance, and those of methods that use none."""
    return table[(table["tolerance"] == tolerance) | table["tolerance"].isna()]


def over_seeds(table: pd.DataFrame, by: str | list[str], columns: list[str]) -> pd.DataFrame:
    """Return the median, least and largest value over seeds: `cosine`, `cosine_low`, `…_high`."""
    groups = table.groupby(by, sort=True, dropna=False)[columns]
    parts = [groups.median(), groups.min().add_suffix("_low"), groups.max().add_suffix("_high")]
    return pd.concat(parts, axis=1).reset_index()


def _mapping(value: object) -> Mapping[Any, Any]:
    """A stranger's experiment may hold anything."""
    return value if isinstance(value, dict) else {}


def _budgets(experiment: Mapping[str, Any]) -> Budgets:
    """Return, by method, the parameter it is swept over and its default parameters, if any."""
    stated = _mapping(_mapping(experiment.get("gradients")).get("budgets"))
    return {
        str(method): {str(key): str(value) for key, value in _mapping(budget).items()}
        for method, budget in stated.items()
    }


def _split(text: str, parameter: str) -> tuple[float, str]:
    """Return the budget and the other parameters: 5.0, '{"damping": 0.5}'."""
    given = parameters(text)
    budget = given.pop(parameter, None)
    usable = isinstance(budget, int | float) and not isinstance(budget, bool)
    return (float(budget) if usable else math.nan), json.dumps(given, sort_keys=True)  # type: ignore[arg-type]


def _is_shown(row: Mapping[Any, Any], budgets: Budgets) -> bool:
    """A swept method is shown as it is by default; whatever else the user asked for is shown."""
    budget = budgets.get(row["method"], {})
    default = budget.get("default", "")
    if not default or _split(default, budget.get("parameter", ""))[1] != row["rest"]:
        return True
    return parameters(default) == parameters(row["method_params"])
