"""The charts of a page, as Vega-Lite, by Altair: the page's script gives them their rows.

Rows have x and y, which the controls choose, and the name of a method; the titles of the axes are
set with them.
"""

from __future__ import annotations

import json
from typing import Any

from reports.explorer.data import Rows

HEIGHT = 340  # pixels; the width is that of the page
POINTS, LEVELS = "points", "levels"


def charts(methods: Rows) -> dict[str, Any]:
    """The specifications by name: curves, times, costs.

    methods: with name, colour and dashes, in the order of the legend.
    """
    import altair as alt

    names = [method["name"] for method in methods]
    legend = alt.Legend(orient="bottom", labelLimit=260, title=None, symbolOpacity=1)
    colors = alt.Scale(domain=names, range=[method["color"] for method in methods])
    color = alt.Color("method:N", scale=colors, legend=legend)
    dash = alt.StrokeDash(
        "method:N",
        scale=alt.Scale(domain=names, range=[method["dash"] or [1, 0] for method in methods]),
        legend=legend,
    )
    points = alt.Chart(alt.NamedData(POINTS)).encode(color=color)
    x = alt.X("x:Q", title="x", scale=alt.Scale(zero=False, nice=False))
    y = alt.Y("y:Q", title="y", scale=alt.Scale(zero=False))
    tip = [
        alt.Tooltip("method:N"),
        alt.Tooltip("x:Q", format=".4g"),
        alt.Tooltip("y:Q", format=".4g"),
    ]
    found = {
        "curves": _curves(points, x, y, dash, tip),
        # Its rows are named.
        "times": _times(points, alt.Color("method:N", scale=colors, legend=None), x, tip),
        "costs": _costs(points, x, y, tip),
    }
    return {
        name: json.loads(chart.properties(width="container", height=HEIGHT).to_json())
        for name, chart in found.items()
    }


def _zoom() -> Any:
    """Drag to move; Shift and the wheel to zoom, since the wheel alone scrolls the page."""
    import altair as alt

    return alt.selection_interval(bind="scales", name="zoom", zoom="wheel![event.shiftKey]")


def _curves(points: Any, x: Any, y: Any, dash: Any, tip: list[Any]) -> Any:
    """A line and a band for each method, a level for what does not train; drag and zoom."""
    import altair as alt

    shown = alt.selection_point(fields=["method"], bind="legend", name="shown")
    zoom = _zoom()

    def faded(opacity: float) -> Any:
        return alt.condition(shown, alt.value(opacity), alt.value(opacity / 12))

    band = points.mark_area(clip=True).encode(
        x=x, y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q", opacity=faded(0.15)
    )
    line = points.mark_line(strokeWidth=2, clip=True)
    line = line.encode(x=x, y=y, strokeDash=dash, opacity=faded(1))
    # A line has no room for a pointer: invisible points carry the tooltip.
    marks = points.mark_point(size=90, filled=True, clip=True)
    marks = marks.encode(x=x, y=y, tooltip=tip, opacity=alt.value(0))
    levels = alt.Chart(alt.NamedData(LEVELS)).mark_rule(strokeWidth=1.5, clip=True)
    levels = levels.encode(
        y=y, color=points.encoding.color, strokeDash=dash, tooltip=tip[::2], opacity=faded(1)
    )
    return alt.layer(band, levels, line, marks.add_params(zoom, shown))


def _times(points: Any, color: Any, x: Any, tip: list[Any]) -> Any:
    """A mark for each seed: filled where it kept the target, an open triangle where not."""
    import altair as alt

    rows = alt.Y("method:N", title=None, sort=None, axis=alt.Axis(labelLimit=220))
    shape = alt.Shape(
        "kept:N",
        scale=alt.Scale(domain=[True, False], range=["circle", "triangle-right"]),
        legend=None,
    )
    filled = alt.condition("datum.kept", alt.value(1.0), alt.value(0.0))
    told = [tip[0], alt.Tooltip("seed:Q"), tip[1], alt.Tooltip("said:N", title="target")]
    fill = alt.Fill("method:N", scale=color["scale"], legend=None)
    marks = points.mark_point(size=90, strokeWidth=1.5)
    return marks.encode(
        x=x, y=rows, shape=shape, color=color, fill=fill, fillOpacity=filled, tooltip=told
    )


def _costs(points: Any, x: Any, y: Any, tip: list[Any]) -> Any:
    """A mark for each method, with the interval of its quality."""
    import altair as alt

    zoom = _zoom()
    bar = points.mark_rule(strokeWidth=2, clip=True).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
    ends = [
        alt.Tooltip(f"{end}:Q", format=".4g", title=f"95 % interval {word}")
        for end, word in (("low", "from"), ("high", "to"))
    ]
    marks = points.mark_circle(size=110, clip=True).encode(x=x, y=y, tooltip=[*tip, *ends])
    return alt.layer(bar, marks.add_params(zoom))
