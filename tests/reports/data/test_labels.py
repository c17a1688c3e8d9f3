"""Names and styles: one method, one look, whatever else is in the report."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from bench.records.schema import RUN_COLUMNS, complete_row
from reports.data.labels import METHOD_ORDER, with_labels
from reports.figures.canvas import wrapped
from reports.figures.style import method_styles
from reports.format import printable
from tests.support import records as factories


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([complete_row(row) for row in rows]).astype(RUN_COLUMNS)


def test_parameters_are_shown_where_they_differ_in_natural_order() -> None:
    sets = [{"steps": steps, "damping": 0.5} for steps in (10, 1, 3)]
    runs = table(*(factories.run_row("phantom", params=each) for each in sets))
    expected = ["phantom[steps=1]", "phantom[steps=3]", "phantom[steps=10]"]
    assert list(with_labels(runs)["label"]) == expected
    alone = table(factories.run_row("phantom", params=sets[0]))
    assert list(with_labels(alone)["label"]) == ["phantom"]


def test_layer_is_shown_where_a_method_appears_with_several() -> None:
    runs = with_labels(
        table(
            factories.run_row("jfb", layer="degrad"),
            factories.run_row("jfb", layer="deprox"),
            factories.run_row("ift"),
            factories.run_row("tv"),
        )
    )
    assert list(runs["legend"]) == ["jfb (degrad)", "jfb (deprox)", "ift", "tv"]
    assert list(runs["label"]) == ["jfb", "jfb", "ift", "tv"]


def test_order_is_fixed_with_plugins_last() -> None:
    methods = ["zeta", "tv", "dncnn", "alpha", "unrolling", "jfb"]
    runs = with_labels(table(*(factories.run_row(method) for method in methods)))
    assert list(runs["method"]) == ["jfb", "unrolling", "dncnn", "tv", "alpha", "zeta"]


@pytest.mark.parametrize("text", ["not json", "[1, 2]", "3", "[" * 100_000])
def test_strange_parameters_do_no_harm(text: str) -> None:
    runs = table(factories.run_row("jfb", method_params=text), factories.run_row("jfb"))
    assert all(label.startswith("jfb[parameters=") for label in with_labels(runs)["label"])


def test_printable() -> None:
    assert printable("a\x1b[31mb\nc") == "a?[31mb c"
    assert printable("x" * 99, longest=5) == "xxxx…"


def test_wrapped() -> None:
    assert wrapped("jfb (deprox)") == "jfb (deprox)"
    assert wrapped("phantom[steps=10]") == "phantom\n[steps=10]"
    assert wrapped("my_new_gradient") == "my_new_\ngradient"
    assert wrapped("phantom[steps=10] (deprox)").replace("\n", "") == "phantom[steps=10](deprox)"


def styles_of(*methods: str) -> dict[str, object]:
    return dict(method_styles(with_labels(table(*map(factories.run_row, methods)))))


def test_a_method_looks_the_same_in_every_company() -> None:
    everyone = styles_of(*METHOD_ORDER, "my_method", "other")
    for method in (*METHOD_ORDER, "my_method"):
        assert styles_of(method)[method] == everyone[method]


def test_looks_are_told_apart() -> None:
    styles = method_styles(
        with_labels(
            table(
                *map(factories.run_row, METHOD_ORDER),
                *(factories.run_row(f"plugin_{n}") for n in range(12)),
                *(factories.run_row("phantom", params={"steps": n}) for n in range(4)),
            )
        )
    )
    assert len(set(styles.values())) == len(styles)
    known = [styles[method] for method in METHOD_ORDER if method != "phantom"]
    assert len({style.color for style in known}) == len(known)
    libraries = ("torchdeq_", "deepinv_")  # they share the marker of what they implement
    own = [name for name in METHOD_ORDER if name != "phantom" and not name.startswith(libraries)]
    assert len({styles[name].marker for name in own}) == len(own)


def test_parameter_sets_share_the_marker() -> None:
    rows = [factories.run_row("phantom", params={"steps": n}) for n in (1, 3, 5)]
    styles = method_styles(with_labels(table(*rows))).values()
    assert len({style.marker for style in styles}) == 1
    assert len({style.color for style in styles}) == 3


def test_factory_parameters_are_json() -> None:
    assert json.loads(str(factories.run_row(params={"steps": 3})["method_params"])) == {"steps": 3}


def test_parameter_sets_that_a_shortened_label_cannot_tell_apart_are_numbered() -> None:
    long = "a" * 60
    runs = with_labels(
        table(*(factories.run_row("phantom", params={long: value}) for value in (1, 2, 2)))
    )
    assert len(set(runs["label"])) == 2
    assert [label.rsplit(" ", 1)[1] for label in runs["label"]] == ["#1", "#2", "#2"]
