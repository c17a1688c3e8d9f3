"""The methods of a study, and the budgets over which each is swept."""

from __future__ import annotations

import json

import pytest

from bench.errors import UserError
from bench.fidelity.methods import budget_of, chosen_methods, swept_by_default


def test_methods_without_brackets_are_swept_over_their_budget_and_default() -> None:
    labels = [choice.label for choice in chosen_methods("jfb,ift,phantom[steps=3]")]
    ift = [f"ift[max_iterations={n}]" for n in (1, 2, 5, 10, 20, 50, 60)]
    assert labels == ["jfb", *ift, "phantom[steps=3]"]


def test_all_leaves_out_what_has_no_gradient_but_a_name_does_not() -> None:
    names = {choice.name for choice in chosen_methods("all")}
    assert {"jfb", "ift", "unrolling"} <= names
    assert not names & {"tv", "dncnn", "pnp_admm", "torchdeq_ift"}
    assert "torchdeq_ift" in {choice.name for choice in chosen_methods("libraries")}
    for text in ("tv", "jfb,tv", "all,tv", "tv[iterations=5],jfb"):
        with pytest.raises(UserError, match="'tv' has no layer, so there is no gradient"):
            chosen_methods(text)


def test_the_budget_holds_the_default() -> None:
    assert budget_of("jfb") is None
    budget = budget_of("ift")
    assert budget is not None
    assert budget.default[budget.parameter] in budget.values
    assert list(budget.values) == sorted(set(budget.values))


def test_the_reports_are_told_which_sweeps_were_chosen_for_a_method() -> None:
    """One that the user swept has no default, which a figure would mark."""
    text = "jfb,ift,phantom[steps=1,3]"
    told = swept_by_default(text, chosen_methods(text))
    assert {name: each["parameter"] for name, each in told.items()} == {
        "ift": "max_iterations",
        "phantom": "steps",
    }
    assert json.loads(told["ift"]["default"])["max_iterations"] == 60
    assert told["phantom"]["default"] == ""
