"""The interactive part of a page as one block of HTML, and its figures as data inside it."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reports.data.dataset import Dataset
from reports.explorer.bundle import packed, scripts, styles
from reports.explorer.charts import charts
from reports.explorer.data import chart_data
from reports.explorer.gallery import gallery
from reports.explorer.images import figure_data

MOST_BYTES = 1_040_000  # of a page with figures inside, below a mebibyte: for mail, and for Git
# Figures of which a chart or the gallery shows the same: the last to be inside, and seen only
# where there are no scripts.
REPLACED = ("psnr_vs_time", "time_to_accuracy", "quality_vs_cost", "gallery")


@dataclass(frozen=True)
class Explorer:
    """What the template puts into a page, packed: JSON, a style sheet and scripts.

    nonce: which scripts the page allows, made of its content.
    """

    state: str
    styles: str
    scripts: list[str]
    nonce: str


def explorer(dataset: Dataset) -> Explorer | None:
    """Return the interactive part of the page; None without a run."""
    if dataset.runs.empty:
        return None
    data = chart_data(dataset)
    content = {**data.as_json(), "charts": charts(data.methods), "gallery": gallery(dataset)}
    state = packed(json.dumps(content, allow_nan=False, separators=(",", ":")))
    nonce = hashlib.sha256(state.encode()).hexdigest()[:24]
    return Explorer(state, packed(styles()), scripts(), nonce)


def with_figures_inside(html: str, folder: Path) -> str:
    """Put the figures that a page links to into it, in its order, while it stays below MOST_BYTES.

    Those that are replaced come last. What has no room, or cannot be read, stays a link.
    """
    stems = dict.fromkeys(re.findall(r'src="figures/([\w-]+)\.png"', html))
    left = MOST_BYTES - len(html.encode())
    for stem in sorted(stems, key=is_replaced):
        link = f'src="figures/{stem}.png"'
        kind = 'class="replaced" ' if is_replaced(stem) else ""
        given = f'loading="lazy" {link}'
        with suppress(OSError):
            data = f'src="{figure_data(folder / "figures" / f"{stem}.png")}"'
            given, left = (data, left - len(data)) if len(data) <= left else (given, left)
        html = html.replace(link, f'data-figure="{stem}" {kind}{given}')
    return html


def is_replaced(stem: str) -> bool:
    """Whether the interactive part of a page shows what a figure does, and more."""
    return stem.startswith(REPLACED)
