"""The measurements of gradients with labels, and what one place of them looks like."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bench.records import COMPLETED, Results
from reports.data.labels import TIMES, parameters, printable, with_labels
from reports.figures.style import MethodStyle, method_styles

DEFAULT_TOLERANCE = 1e-4
STATE_ORDER = ("initial", "trained")


@dataclass(frozen=True)
class GradientView:
    """The measurements of one problem and layer, at one size or at all.

    `table` has, besides the columns of `gradients`: label, line (the method without its budget),
    budget, legend and shown (whether it stands for its line where there is room for one).
    """

    table: pd.DataFrame
    problem: str
    layer: str
    sizes: tuple[int, ...]
    styles: dict[str, MethodStyle]
    tolerance: float

    @property
    def place(self) -> str:
        """The problem, size and layer in words, for titles."""
        least, largest = self.sizes[0], self.sizes[-1]
        size = f"{least}{TIMES}{least}" if least == largest else f"{least} to {largest}"
        return f"{printable(self.problem)}, {size} px, {printable(self.layer)} layer"

    @property
    def completed(self) -> pd.DataFrame:
        """The measurements that ended well."""
        return self.table[self.table["status"] == COMPLETED]

    @property
    def usual(self) -> pd.DataFrame:
        """The completed ones at the usual tolerance, or of methods that use none."""
        return at_tolerance(self.completed, self.tolerance)

    @property
    def states(self) -> list[str]:
        """The states of the weights, initial first."""
        found = set(self.table["state"])
        return [name for name in STATE_ORDER if name in found] + sorted(found - set(STATE_ORDER))

    def at(self, size: int) -> GradientView:
        """The part at one size."""
        return replace(self, table=self.table[self.table["size"] == size], sizes=(size,))

    def failure(self, name: str, column: str = "legend") -> str:
        """Why a method has no completed measurement: its statuses in words; "" if it has one."""
        statuses = set(self.table.loc[self.table[column] == name, "status"])
        if COMPLETED in statuses:
            return ""
        return ", ".join(sorted(printable(status).replace("_", " ") for status in statuses))


def gradient_views(results: Results) -> list[GradientView]:
    """Return a view per problem and layer; styles are shared, so a colour means one method."""
    if results.gradients.empty:
        return []
    table = labelled(results)
    styles = method_styles(table.assign(legend=table["line"]))
    styles |= method_styles(table[table["shown"]])
    tolerance = usual_tolerance(results)
    return [
        GradientView(
            group,
            str(problem),
            str(layer),
            tuple(sorted(int(size) for size in set(group["size"]))),
            styles,
            tolerance,
        )
        for (problem, layer), group in table.groupby(["problem", "layer"], sort=False)
    ]


def labelled(results: Results) -> pd.DataFrame:
    """Return the measurements in reporting order with label, line, budget, legend and shown."""
    budgets = budgets_of(results.experiment)
    table = results.gradients.copy()
    pairs = zip(table["method"], table["method_params"], strict=True)
    parts = [_split(text, budgets.get(method, {}).get("parameter", "")) for method, text in pairs]
    given = table["method_params"]
    table = table.assign(budget=[part[0] for part in parts], given=given)
    table = with_labels(table.assign(method_params=[part[1] for part in parts]))
    table["rest"], table["line"] = table["method_params"], table["label"]
    table = with_labels(table.assign(method_params=table["given"]))
    table["shown"] = [_is_shown(row, budgets) for row in table.to_dict("records")]
    sets = table[table["shown"]].groupby("line")["method_params"].nunique()
    alone = table["line"].map(sets) == 1
    table["legend"] = table["label"].where(~alone, table["line"])
    return table.drop(columns=["given", "rest"])


def budgets_of(experiment: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return, by method, the parameter it is swept over and its default parameters, if any."""
    said = experiment.get("gradients")
    budgets = said.get("budgets") if isinstance(said, dict) else None
    if not isinstance(budgets, dict):
        return {}
    return {
        str(method): {str(key): str(value) for key, value in budget.items()}
        for method, budget in budgets.items()
        if isinstance(budget, dict)
    }


def _split(text: str, parameter: str) -> tuple[float, str]:
    """Return the budget and the other parameters: 5.0, '{"damping": 0.5}'."""
    given = parameters(text)
    budget = given.pop(parameter, None)
    number = isinstance(budget, int | float) and not isinstance(budget, bool)
    return (float(budget) if number else math.nan), json.dumps(given, sort_keys=True)  # type: ignore[arg-type]


def _is_shown(row: Mapping[Any, Any], budgets: Mapping[str, Mapping[str, str]]) -> bool:
    """A swept method is shown as it is by default; whatever else the user asked for is shown."""
    budget = budgets.get(row["method"], {})
    default = budget.get("default", "")
    if not default or _split(default, budget["parameter"])[1] != row["rest"]:
        return True
    return parameters(default) == parameters(row["method_params"])


def usual_tolerance(results: Results) -> float:
    """Return the measured forward tolerance nearest to the one that `run` uses; NaN if none."""
    said = results.experiment.get("gradients")
    wanted = said.get("usual_tolerance") if isinstance(said, dict) else None
    wanted = wanted if isinstance(wanted, float) and wanted > 0 else DEFAULT_TOLERANCE
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


def seeds_said(table: pd.DataFrame) -> str:
    """Return how many seeds are shown, and with which interval."""
    seeds = table["seed"].nunique()
    return "1 seed" if seeds == 1 else f"median of {seeds} seeds, bars: least to largest"
