"""What tells one workload of a report from another."""

from __future__ import annotations

import json

import pandas as pd

from bench.records.schema import RUN_COLUMNS, complete_row
from reports.data.labels import with_workloads
from tests.support import records as factories


def labels(*changes: dict[str, object]) -> list[tuple[str, str]]:
    rows = [{**factories.run_row("jfb"), **change} for change in changes]
    runs = with_workloads(pd.DataFrame(map(complete_row, rows)).astype(RUN_COLUMNS))
    return list(zip(runs["problem"], runs["layer"], strict=True))


def parameters(**values: object) -> str:
    return json.dumps(values)


def test_names_suffice_where_nothing_else_differs() -> None:
    same = {"layer_params": parameters(lipschitz=0.99), "network": "convex_potential"}
    assert labels(same, same) == [("motion", "degrad")] * 2


def test_a_network_is_named_unless_it_is_the_usual_one() -> None:
    networks = [{"network": name} for name in ("", "convex_potential", "dncnn")]
    assert [layer for _, layer in labels(*networks)] == ["degrad", "degrad", "degrad+dncnn"]


def test_parameters_are_shown_where_they_differ() -> None:
    rows = [
        {
            "problem_params": parameters(size=size, noise_sigma=noise),
            "layer_params": parameters(lipschitz=rho, strength=1.0),
            "network": "dncnn",
            "network_params": parameters(depth=depth, features=8),
        }
        for size, noise, rho, depth in ((16, 0.01, 0.9, 5), (32, 0.05, 0.99, 5), (32, 0.05, 0.9, 7))
    ]
    assert labels(*rows) == [
        ("motion[noise_sigma=0.01]", "degrad[lipschitz=0.9]+dncnn[depth=5]"),
        ("motion[noise_sigma=0.05]", "degrad[lipschitz=0.99]+dncnn[depth=5]"),
        ("motion[noise_sigma=0.05]", "degrad[lipschitz=0.9]+dncnn[depth=7]"),
    ]


def test_the_size_alone_is_no_difference_of_problems() -> None:
    rows = [{"problem_params": parameters(size=size, noise_sigma=0.01)} for size in (16, 32)]
    assert [problem for problem, _ in labels(*rows)] == ["motion", "motion"]


def test_a_method_without_a_layer_has_none() -> None:
    rows = [{"layer": "", "network": ""}, {"network": "dncnn"}]
    assert [layer for _, layer in labels(*rows)] == ["", "degrad+dncnn"]
