"""The interactive part of a page as one block of HTML, and its figures as data inside it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.data.dataset import Dataset
from reports.explorer.bundle import scripts, styles
from reports.explorer.charts import charts
from reports.explorer.data import chart_data
from reports.explorer.gallery import gallery

COLORS = 64  # of a figure inside a page, a quarter of the bytes of all; its PDF has every colour
MOST_FIGURES = 80  # inside a page; further ones are links to their files


@dataclass(frozen=True)
class Explorer:
    """What the template puts into a page: JSON, packed scripts, and a style sheet.

    nonce: which scripts the page allows, made of its content.
    """

    state: str
    scripts: list[str]
    styles: str
    nonce: str


def explorer(dataset: Dataset) -> Explorer | None:
    """Return the interactive part of the page; None without a run."""
    if dataset.runs.empty:
        return None
    data = chart_data(dataset)
    content = {**data.as_json(), "charts": charts(data.methods), "gallery": gallery(dataset)}
    state = as_script(content)
    return Explorer(state, scripts(), styles(), hashlib.sha256(state.encode()).hexdigest()[:24])


def as_script(content: Any) -> str:
    """JSON that can stand in an element of a page: nothing in it ends the element."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def with_figures_inside(html: str, folder: Path) -> str:
    """Put the figures of a page, which it links to, into it; those that cannot be read stay."""
    stems = list(dict.fromkeys(re.findall(r'src="figures/([\w-]+)\.png"', html)))
    for stem in stems[:MOST_FIGURES]:
        file = f"figures/{stem}.png"
        with suppress(OSError):
            data = base64.b64encode(_with_few_colors(folder / file)).decode()
            inside = f'data-figure="{stem}" src="data:image/png;base64,{data}"'
            html = html.replace(f'src="{file}"', inside)
    return html


def _with_few_colors(path: Path) -> bytes:
    from PIL import Image

    with Image.open(path) as picture:
        file = io.BytesIO()
        picture.convert("RGB").quantize(COLORS).save(file, "PNG", optimize=True)
        return file.getvalue()
