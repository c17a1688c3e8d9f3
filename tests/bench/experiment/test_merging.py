"""What a later command adds to a results folder, and what it replaces."""

from __future__ import annotations

from typing import Any

import pytest

from bench.config.overrides import compose_config, parse_setting
from bench.config.plain import to_plain
from bench.errors import UserError
from bench.experiment.merging import _settings, merge
from bench.records import Plan


def config(method: str = "jfb", size: int = 32, **settings: Any) -> dict[str, Any]:
    layer = {"name": "degrad", "parameters": {"features": 16}} if method != "tv" else None
    return {
        "method": {"name": method, "parameters": {}},
        "problem": {"name": "motion", "parameters": {"size": size, "noise_sigma": 0.01}},
        "layer": layer,
        "forward": {"tolerance": 1e-4 if layer else 0.5},
        "train": {"steps": 300},
        "images": {"name": "natural", "parameters": {}},
        "timeout_seconds": 0,
        **settings,
    }


def plan(*configs: dict[str, Any], seeds: int = 2, prefix: str = "") -> Plan:
    made = Plan()
    for number, each in enumerate(configs):
        name = f"{prefix}{number}"
        made.configurations[name] = {"method": each["method"]["name"], "config": each}
        made.runs.update({f"{name}-{seed}": (name, seed) for seed in range(seeds)})
    return made


def test_the_same_plan_stays_as_it_is() -> None:
    old = plan(config(), config("tv"))
    merged = merge(old, old)
    assert merged.plan == old
    assert merged.superseded == []


@pytest.mark.parametrize("other", [config("ift"), config("tv"), config(size=64)])
def test_other_methods_and_sizes_are_added(other: dict[str, Any]) -> None:
    old, new = plan(config(), prefix="a"), plan(other, prefix="b")
    merged = merge(old, new)
    assert merged.plan.runs == {**old.runs, **new.runs}
    assert merged.plan.config("a0-1")["method"]["name"] == "jfb"
    assert merged.superseded == []


def test_more_seeds_are_added() -> None:
    assert len(merge(plan(config()), plan(config(), seeds=5)).plan.runs) == 5


def test_changed_runs_are_replaced() -> None:
    old, new = plan(config(), prefix="a"), plan(config(train={"steps": 600}), prefix="b")
    merged = merge(old, new)
    assert merged.plan == new
    assert merged.superseded == ["a0-0", "a0-1"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"train": {"steps": 600}}, r"train\.steps=300, which this command \(train\.steps=600\)"),
        ({"forward": {"tolerance": 1e-3}}, "forward.tolerance=0.0001"),
    ],
)
def test_runs_that_stay_must_have_the_same_settings(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        merge(plan(config()), plan(config("ift", **settings), prefix="b"))


@pytest.mark.parametrize("group", ["problem", "layer", "network"])
def test_a_workload_with_other_parameters_stays_beside_the_first(group: str) -> None:
    other = {group: {"name": "motion", "parameters": {"size": 64, "noise_sigma": 0.02}}}
    old, new = plan(config()), plan(config(**other), prefix="b")
    merged = merge(old, new)
    assert merged.superseded == []
    assert merged.plan.runs == {**old.runs, **new.runs}


def test_a_run_from_before_there_were_networks_gives_its_place_to_the_same_one() -> None:
    before = {"layer": {"name": "degrad", "parameters": {"blocks": 3}}}
    layer = {"name": "degrad", "parameters": {}}
    network = {"name": "convex_potential", "parameters": {"blocks": 3}}
    old = plan(config(**before), prefix="a")
    new = plan(config(layer=layer, network=network, train={"steps": 600}), prefix="b")
    assert merge(old, new).superseded == ["a0-0", "a0-1"]


FOLDER = {"images": {"name": "folder", "parameters": {"path": "photos", "part": "all"}}}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, FOLDER, "with images=natural, which this command (images=folder)"),
        (FOLDER, {}, "with images=folder, which this command (images=natural)"),
        (
            FOLDER,
            {"images": {"name": "folder", "parameters": {"path": "others", "part": "all"}}},
            "with images.path=photos, which this command (images.path=others)",
        ),
        (
            {},
            {"layer": {"name": "deprox", "parameters": {}}, "memory_pass": False},
            "with memory_pass=null, which this command (memory_pass=false)",
        ),
    ],
)
def test_settings_are_named_as_a_user_writes_them(
    before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as caught:
        merge(plan(config(**before)), plan(config("ift", **after), prefix="b"))
    assert said in str(caught.value)


def test_settings_are_those_that_the_command_line_takes(registered: None) -> None:
    """Every key that merging may name can be given to `run` as it stands."""
    composed = compose_config(["method=jfb", "problem=motion"])
    for key in _settings(to_plain(composed)):
        assert parse_setting(f"{key}=1").key == key
        with pytest.raises(UserError, match=r"^(?!unknown setting)"):
            compose_config(["method=jfb", "problem=motion", f"{key}=???"])


def test_a_time_limit_is_no_such_setting() -> None:
    merge(plan(config()), plan(config("ift", timeout_seconds=9), prefix="b"))


def test_a_strangers_plan_is_refused_and_not_mixed() -> None:
    odd = Plan({"a": {"config": [1]}, "b": {}}, {"x": ("a", 0), "y": ("b", 0), "z": ("none", 0)})
    with pytest.raises(UserError, match=r"train\.steps=null"):
        merge(odd, plan(config()))
    assert merge(odd, Plan()).plan.runs == odd.runs
