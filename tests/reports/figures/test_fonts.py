"""Fonts in a figure's PDF: embedded, with outlines and a way back to the text, and no more."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path

import pytest
from fontTools import subset
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont
from matplotlib.font_manager import findfont

from reports.figures.canvas import column_axes, save
from reports.figures.fonts import LAYOUT_TABLES, without_layout_tables

TEXT = "efficient AVATAR"  # letters that are kerned, and that a ligature replaces


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    figure, axes = column_axes(1.0)
    axes.text(0.1, 0.5, TEXT, family="DejaVu Sans")
    stem = tmp_path_factory.mktemp("figure") / "drawn"
    save(figure, stem)
    return Path(f"{stem}.pdf").read_bytes()


def streams(pdf: bytes, start: bytes = b"") -> list[bytes]:
    found = re.findall(start + rb"\nstream\r?\n(x.*?)\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(content) for content in found]


def embedded(pdf: bytes) -> list[TTFont]:
    return [TTFont(io.BytesIO(content)) for content in streams(pdf, rb"/Length1 [^\n]*")]


def outlines(font: TTFont) -> dict[str, list[object]]:
    glyphs = font.getGlyphSet()
    pens = {name: RecordingPen() for name in glyphs}
    for name, pen in pens.items():
        glyphs[name].draw(pen)
    return {name: pen.value for name, pen in pens.items()}


def test_embedded_fonts_have_no_layout_tables(pdf: bytes) -> None:
    assert set(LAYOUT_TABLES) <= set(TTFont(findfont("DejaVu Sans")).keys())
    assert embedded(pdf)
    for font in embedded(pdf):
        assert not set(LAYOUT_TABLES) & set(font.keys())


def test_glyphs_have_the_outlines_of_the_whole_font(pdf: bytes) -> None:
    whole, found = outlines(TTFont(findfont("DejaVu Sans"))), {}
    for font in embedded(pdf):
        found |= outlines(font)
    found.pop(".notdef")  # is empty: it stands for letters that the font lacks
    assert found == {name: whole[name] for name in found}
    assert set("AVTR") <= set(found)  # a letter's glyph has its name; those of ffi are one


def test_text_can_be_selected(pdf: bytes) -> None:
    maps = b"".join(each for each in streams(pdf) if b"beginbfrange" in each)
    texts = re.findall(rb"\[([^]]*)\]\n", maps)
    written = {bytes.fromhex(code.decode()) for each in texts for code in re.findall(rb"\w+", each)}
    assert set(TEXT) <= set(b"".join(written).decode("utf-16-be"))


def test_options_come_back(pdf: bytes) -> None:
    with pytest.raises(KeyError), without_layout_tables():
        raise KeyError
    assert not set(LAYOUT_TABLES) & set(subset.Options().drop_tables)
