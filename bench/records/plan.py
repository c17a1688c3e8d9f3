"""The plan of an experiment: every run that belongs to it, and its configuration.

`experiment.yaml` holds each configuration once, under a name and without a seed; `plan.json` the
configuration and the seed of every run. So ten thousand runs are read in a fraction of a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from bench.records.schema import check_run_id

CONFIGURATIONS = "configurations"


@dataclass(frozen=True)
class Plan:
    """configurations: by name, {"method": label, "config": without seed}; runs: (name, seed)."""

    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, tuple[str, int]] = field(default_factory=dict)

    def config(self, run_id: str) -> dict[str, Any]:
        """The whole configuration of a run; {} for a run that is not in the plan."""
        name, seed = self.runs.get(run_id, ("", 0))
        config = self.configurations.get(name, {}).get("config")
        return {**config, "seed": seed} if isinstance(config, dict) else {}

    def method(self, run_id: str) -> str:
        """The method's label, such as `phantom[steps=3]`; "" for a run that is not in the plan."""
        name, _ = self.runs.get(run_id, ("", 0))
        return str(self.configurations.get(name, {}).get("method", ""))


def plan_of(experiment: Mapping[str, Any], text: str | None) -> Plan:
    """The plan from the content of experiment.yaml and of plan.json (None: there is no such file).

    Folders made before there was a plan.json keep all of it in experiment.yaml. Raises ValueError
    for content of another form.
    """
    if text is None:
        return _from_version_2(experiment.get("runs", {}))
    configurations = experiment.get(CONFIGURATIONS, {})
    if not _is_table(configurations):
        raise ValueError(f"{CONFIGURATIONS!r} does not map names to configurations")
    content = json.loads(text)
    runs = content.get("runs") if isinstance(content, dict) else None
    if not isinstance(runs, dict):
        raise ValueError("'runs' is not a mapping")
    return Plan(configurations, {name: _run(name, each) for name, each in runs.items()})


def plan_text(plan: Plan) -> str:
    """The content of plan.json, a line for each run."""
    lines = (f"  {json.dumps(run)}: {json.dumps(each)}" for run, each in plan.runs.items())
    return '{"runs": {\n' + ",\n".join(lines) + "\n}}\n"


def _run(run_id: str, each: object) -> tuple[str, int]:
    check_run_id(run_id)
    match each:
        case [str(name), int(seed)] if not isinstance(seed, bool) and abs(seed) < 2**63:
            return name, seed
    raise ValueError(f"run {run_id!r} does not give a configuration and a seed")


def _from_version_2(runs: object) -> Plan:
    if not _is_table(runs):
        raise ValueError("'runs' does not map names to configurations")
    plan = Plan()
    for run_id, each in runs.items():
        config = each["config"] if isinstance(each.get("config"), dict) else {}
        seed = config.get("seed", 0)
        plan.configurations[run_id] = {"method": str(each.get("method", "")), "config": config}
        plan.runs[run_id] = _run(run_id, [run_id, seed])
    return plan


def _is_table(value: object) -> TypeGuard[dict[str, dict[str, Any]]]:
    return isinstance(value, dict) and all(isinstance(each, dict) for each in value.values())
