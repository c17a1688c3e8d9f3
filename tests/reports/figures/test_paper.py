"""Figures for papers: both widths, no heading, 300 dots per inch, TrueType fonts."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from matplotlib import rcParams
from PIL import Image

from reports.figures import draw as drawing
from reports.figures import gallery, gallery_crops, metrics, peak_memory, psnr_vs_time
from reports.figures.draw import FIGURES, draw_figures
from reports.figures.drawn import FigureFile
from reports.figures.layout import DOUBLE, SCREEN, SINGLE, Layout, laid_out, layout
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH
from reports.figures.view import View

PICTURES = (gallery, gallery_crops)


@pytest.fixture(scope="module")
def files(view: View, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[FigureFile]]:
    folder = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "FIGURES", (peak_memory, gallery))
        patch.setattr(drawing, "POOLED_FIGURES", ())
        problems: list[str] = []
        drawn = draw_figures([view], folder, problems, style="paper")
    assert problems == []
    return folder, drawn


@pytest.mark.parametrize(("end", "width"), [("", COLUMN_WIDTH), ("-double", PAGE_WIDTH)])
def test_a_figure_is_as_wide_as_one_column_and_as_two(
    files: tuple[Path, list[FigureFile]], end: str, width: float
) -> None:
    folder, _ = files
    with Image.open(folder / f"peak_memory{end}.png") as image:
        assert image.width == pytest.approx(300 * width, abs=1)
    pdf = (folder / f"peak_memory{end}.pdf").read_bytes()
    assert f"/MediaBox [ 0 0 {72 * width:g} ".encode() in pdf
    assert b"/FontFile2" in pdf  # TrueType, embedded
    assert b"/Type3" not in pdf


def test_links_name_both_widths_and_pictures_have_one(
    files: tuple[Path, list[FigureFile]],
) -> None:
    folder, (memory, pictures) = files
    assert memory.links == {
        "PDF": "peak_memory.pdf",
        "wide PDF": "peak_memory-double.pdf",
        "data": "peak_memory.csv",
    }
    assert pictures.links == {"PDF": "gallery.pdf", "data": "gallery.csv"}
    assert not (folder / "gallery-double.pdf").exists()


def test_the_heading_is_in_the_caption_and_in_a_text(
    files: tuple[Path, list[FigureFile]],
) -> None:
    folder, (memory, _) = files
    said = "Motion, 32×32 px: mean of 2 seeds (unrolling: 1), one dot each. Peak memory of"
    assert memory.caption.startswith(said)
    text = (folder / "peak_memory.txt").read_text(encoding="utf-8")
    assert text == f"Peak memory: motion, 32×32 px.\n\n{memory.caption}\n"


@pytest.mark.parametrize("module", [each for each in FIGURES if each not in PICTURES])
@pytest.mark.parametrize("chosen", [SINGLE, DOUBLE])
def test_figures_fit_the_width_of_a_paper_without_a_heading(
    module: ModuleType, chosen: Layout, view: View
) -> None:
    before = dict(rcParams)
    with laid_out(chosen):
        figure = module.draw(view)
    assert dict(rcParams) == before
    assert figure.get_figwidth() == chosen.width
    assert figure.get_suptitle() == ""
    assert view.title in figure.get_label()
    figure.draw_without_rendering()
    bounds = figure.get_tightbbox()
    assert bounds.x0 >= -0.01
    assert bounds.x1 <= figure.get_figwidth() + 0.01


def test_panels_of_one_column_are_fewer_across(view: View) -> None:
    with laid_out(SINGLE):
        narrow = metrics.draw(view)
    assert narrow is not None
    assert SINGLE.across(12) == 2
    assert DOUBLE.across(12) == SCREEN.across(12) == 4
    assert SINGLE.across(1) == 1


def test_the_layout_ends_with_its_block_even_after_an_error() -> None:
    with laid_out(SINGLE):
        assert layout() is SINGLE
    with pytest.raises(KeyError), laid_out(SINGLE):
        raise KeyError
    assert layout() is SCREEN


def test_a_page_keeps_its_headings(view: View) -> None:
    figure = psnr_vs_time.draw(view)
    assert figure is not None
    assert figure.get_suptitle().startswith("motion")
