"""One look for every figure: a colour-blind-safe colour, marker and line per method."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.data.labels import method_rank

COLUMN_WIDTH = 3.5  # inches: one column of a two-column paper; figures are printed unscaled
PAGE_WIDTH = 7.16
GREY = "#8a8a8a"

# Any: the keys that matplotlib's stubs accept change from version to version.
THEME: Any = {
    **dict.fromkeys(("font.size", "axes.labelsize"), 8),
    **dict.fromkeys(("axes.titlesize", "figure.titlesize", "legend.fontsize"), 7.5),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), 7.5),
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.columnspacing": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.0,
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # embedded TrueType, which journals ask for
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in a stranger's name is only a dollar sign
}


@dataclass(frozen=True)
class MethodStyle:
    """How a method is drawn, in every figure of a report."""

    color: str
    marker: str
    linestyle: str | tuple[int, tuple[float, ...]]

    @property
    def line(self) -> dict[str, Any]:
        """The options of a line without marks."""
        return {"color": self.color, "linestyle": self.linestyle}

    @property
    def dashes(self) -> tuple[float, ...] | str:
        """The line as seaborn asks for it: lengths of dashes and gaps, "" for a solid one."""
        return "" if isinstance(self.linestyle, str) else self.linestyle[1]

    @property
    def marks(self) -> dict[str, Any]:
        """The options of marks without a line."""
        return {"color": self.color, "marker": self.marker, "linestyle": ""}


# Colours of Okabe and Ito (2008), distinct under every common colour-vision deficiency; the
# marker and the line repeat the distinction for print in grey.
_KNOWN = {
    "jfb": MethodStyle("#D55E00", "o", "-"),
    "ift": MethodStyle("#0072B2", "s", "-"),
    "phantom": MethodStyle("#009E73", "^", "-"),
    "neumann": MethodStyle("#999933", "<", "-"),
    "shine": MethodStyle("#882255", ">", "-"),
    "unrolling": MethodStyle("#CC79A7", "D", "-"),
    "reversible": MethodStyle("#661100", "d", "-"),
    "dncnn": MethodStyle("#E69F00", "v", (0, (5, 1.5))),
    "unet": MethodStyle("#117733", "h", (0, (5, 1.5))),
    "restormer": MethodStyle("#CC6677", "p", (0, (5, 1.5))),
    "pnp_admm": MethodStyle("#56B4E9", "P", (0, (6, 1.5, 1.5, 1.5))),
    "tv": MethodStyle("#000000", "X", (0, (3, 1.5))),
}
OBSERVED = MethodStyle(GREY, "", (0, (1, 1.5)))
# A library's entry has the marker and hue of the method that it implements.
_LIBRARY_LOOKS = {"torchdeq": (-0.45, (0, (4, 1.5))), "deepinv": (0.45, (0, (1, 1.2)))}
_PLUGIN_COLORS = ("#332288", "#44AA99", "#AA4499", "#8879C9")
_PLUGIN_MARKERS = ("h", "<", ">", "*", "p", "d", "8")
_VARIANT_LINES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))
_VARIANT_TINTS = (0.0, -0.4, 0.4, -0.6, 0.6)


def method_styles(runs: pd.DataFrame) -> dict[str, MethodStyle]:
    """Return the style of every `legend` of labelled runs; it depends on the names alone."""
    base = _base_styles(runs["method"].unique())
    styles: dict[str, MethodStyle] = {}
    for method, legends in runs.groupby("method", sort=False)["legend"]:
        for position, legend in enumerate(dict.fromkeys(legends)):
            styles[legend] = _variant(base[str(method)], position)
    return styles


def by_method(styles: Mapping[str, MethodStyle]) -> dict[str, Any]:
    """Return the options with which seaborn draws the column `method` of a table in its styles.

    The rows of a table are what is drawn: nothing is estimated from them, nor are they sorted.
    """
    return {
        **dict.fromkeys(("hue", "style"), "method"),
        **{name: list(styles) for name in ("hue_order", "style_order")},
        "palette": {name: style.color for name, style in styles.items()},
        "dashes": {name: style.dashes for name, style in styles.items()},
        "markers": {name: style.marker for name, style in styles.items()},
        **{"estimator": None, "sort": False, "legend": False},
    }


def _base_styles(methods: Iterable[str]) -> dict[str, MethodStyle]:
    taken: set[int] = set()
    return {
        method: _KNOWN.get(method) or _library_style(method) or _plugin_style(method, taken)
        for method in sorted(methods, key=method_rank)
    }


def _library_style(method: str) -> MethodStyle | None:
    library, _, implemented = method.partition("_")
    if library not in _LIBRARY_LOOKS or implemented not in _KNOWN:
        return None
    (tint, line), style = _LIBRARY_LOOKS[library], _KNOWN[implemented]
    return MethodStyle(_tinted(style.color, tint), style.marker, line)


def _plugin_style(method: str, taken: set[int]) -> MethodStyle:
    """Choose by the name's checksum; on a clash in one report, the next free slot."""
    slots = len(_PLUGIN_COLORS) * len(_PLUGIN_MARKERS)
    slot = zlib.crc32(method.encode()) % slots
    while slot in taken and len(taken) < slots:
        slot = (slot + 1) % slots
    taken.add(slot)
    # 4 and 7 have no common factor: neighbouring slots differ in both colour and marker.
    color = _PLUGIN_COLORS[slot % len(_PLUGIN_COLORS)]
    return MethodStyle(color, _PLUGIN_MARKERS[slot % len(_PLUGIN_MARKERS)], "-")


def _variant(style: MethodStyle, position: int) -> MethodStyle:
    """Return the style of a method's next parameter set: same hue and marker, other tone, line."""
    if position == 0:
        return style
    tint = _VARIANT_TINTS[position % len(_VARIANT_TINTS)]
    line = _VARIANT_LINES[position % len(_VARIANT_LINES)]
    return MethodStyle(_tinted(style.color, tint), style.marker, line)


def _tinted(color: str, amount: float) -> str:
    """Mix `#rrggbb` with white (amount > 0) or black (amount < 0)."""
    channels = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
    goal = 255 if amount > 0 else 0
    mixed = [round(value + (goal - value) * abs(amount)) for value in channels]
    return "#" + "".join(f"{value:02x}" for value in mixed)
