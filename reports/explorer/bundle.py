"""The libraries that a page carries, packed: unpacked by the browser, so that it works offline."""

from __future__ import annotations

import base64
import gzip
import re
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from bench.measurement.cache import cache_folder
from bench.records import write_text


def packed(text: str) -> str:
    """Text compressed by gzip, in base64: what `DecompressionStream` reads in a browser."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


@cache
def scripts() -> list[str]:
    """Vega with Vega-Lite and Vega-Embed, then DataTables, packed."""
    return [_vega(), packed(_tables())]


def styles() -> str:
    """The style sheet of DataTables."""
    return (files("itables") / "html" / "dt_bundle.css").read_text(encoding="utf-8")


def _tables() -> str:
    """DataTables as itables has it, an ES module, as a script that leaves `window.tables`."""
    module = (files("itables") / "html" / "dt_bundle.js").read_text(encoding="utf-8")
    body, exported = re.split(r"export\s*\{", module, maxsplit=1)
    pairs = re.findall(r"([\w$]+) as ([\w$]+)", exported.partition("}")[0])
    given = ",".join(f"{outside}:{inside}" for inside, outside in pairs)
    return f"(()=>{{{body}\nwindow.tables={{{given}}};}})();"


def _vega() -> str:
    """What vl-convert bundles, packed; kept in the cache folder, since it takes four seconds."""
    kept = cache_folder() / f"vega-{version('vl-convert-python')}.txt"
    with suppress(OSError, UnicodeError):
        return kept.read_text(encoding="ascii")
    import vl_convert

    text = packed(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    with suppress(OSError):  # a page can be made without a cache
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(kept, text)
    return text
