"""Embeds fonts into PDF files as what they are needed for: outlines of glyphs that have a place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fontTools import subset

# Substitution, positioning and classes of glyphs: for a program that sets text. A PDF file names
# each glyph and its place, and reading these tables takes most of the time of a small figure.
LAYOUT_TABLES = ("GSUB", "GPOS", "GDEF")


@contextmanager
def without_layout_tables() -> Iterator[None]:
    """Within this, matplotlib embeds fonts without LAYOUT_TABLES; glyphs and text stay the same.

    Matplotlib has no setting for it: it asks fontTools for its options by their name.
    """
    options = subset.Options

    def without(**chosen: Any) -> Any:
        made = options(**chosen)
        made.drop_tables += LAYOUT_TABLES
        return made

    subset.Options = without
    try:
        yield
    finally:
        subset.Options = options
