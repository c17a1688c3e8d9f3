"""What runs are called where people tell them apart: in the progress of a command and in status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from bench.experiment.spec import Place, RunSpec, as_mapping, chosen_name
from bench.records import layer_label
from bench.records.labels import labels

GROUPS = ("problem", "layer", "network")


def named(specs: Sequence[RunSpec]) -> list[RunSpec]:
    """The same runs, whose places say the parameters in which those of one name differ.

    `gaussian[noise_sigma=0.05]`, `degrad[lipschitz=0.9]+dncnn`. Those that only their records know,
    which do not tell their parameters, keep their names.
    """
    unlike = {spec.configuration: spec for spec in specs if spec.is_planned}
    columns = [
        labels(
            [chosen_name(spec.config, group) for spec in unlike.values()],
            [_parameters(spec, group) for spec in unlike.values()],
        )
        for group in GROUPS
    ]
    places: dict[str, Place] = {
        key: (problem, spec.place[1], layer_label(layer, network))
        for (key, spec), problem, layer, network in zip(unlike.items(), *columns, strict=True)
    }
    return [replace(spec, place=places.get(spec.configuration, spec.place)) for spec in specs]


def _parameters(spec: RunSpec, group: str) -> str:
    """As text; without the size, which a place names by itself."""
    given = as_mapping(as_mapping(spec.config.get(group)).get("parameters"))
    return json.dumps({name: value for name, value in given.items() if name != "size"})
