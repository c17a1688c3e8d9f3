"""Pictures and crops side by side, and the maps of their errors."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.records import RunRecord, Samples, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.figures import gallery, gallery_crops
from reports.figures.panels import by_contrast
from reports.figures.style import PAGE_WIDTH
from reports.figures.view import View, views
from tests.support import records as factories

BOTH = (gallery, gallery_crops)


def view_of(folder: Path, *records: RunRecord) -> View:
    write_experiment(folder / "experiment.yaml", {})
    for record in records:
        write_record(folder, record)
    (only,) = views(Dataset.of(load_results(folder), "gain=5"))
    return only


def drawn(module: ModuleType, view: View) -> Figure:
    figure = module.draw(view)
    assert isinstance(figure, Figure)
    return figure


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def said(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def kept(method: str, samples: Samples | None) -> RunRecord:
    """A run that kept the same samples as pictures and as crops."""
    return replace(factories.run_record(method), samples=samples, picture_samples=samples)


def flat(levels: tuple[float, ...], spread: float = 0.1, error: float = 0.0) -> Samples:
    """Images of two levels each, `spread` times the level apart, reconstructed with an error."""
    clean = np.ones((len(levels), 1, 8, 8), np.float32) * np.reshape(levels, (-1, 1, 1, 1))
    clean[..., :4] *= 1 - spread
    clean = clean.astype(np.float32)
    psnr = np.arange(len(levels), dtype=np.float64) + 30
    return Samples(clean, clean, (clean + error).astype(np.float32), psnr, psnr - 10)


def test_crops_are_rows_and_methods_columns(view: View) -> None:
    figure = drawn(gallery_crops, view)
    assert titles(figure)[:9] == ["clean", "observed", *factories.METHODS]
    assert titles(figure)[9:] == [""] * 9
    captions = [axes.get_xlabel() for axes in figure.axes[:9]]
    assert captions == ["", "25.00", "34.00", "35.00", "34.50", "34.80", "28.50", "32.50", "33.00"]
    weights = [axes.xaxis.label.get_weight() for axes in figure.axes[:9]]
    assert [at for at, weight in enumerate(weights) if weight == "bold"] == [3]  # ift
    (image,) = figure.axes[2].images
    assert image.get_interpolation() == "nearest"
    assert image.get_clim() == (0, 1)
    samples = view.dataset.results.samples("motion-32-degrad-jfb-s0")
    assert samples is not None
    np.testing.assert_array_equal(image.get_array(), samples.reconstruction[0, 0])


def test_pictures_of_all_methods_come_before_their_errors(view: View) -> None:
    figure = drawn(gallery, view)
    assert figure.get_figwidth() == pytest.approx(PAGE_WIDTH)
    names = ["clean", "observed", *factories.METHODS]  # nine: two rows of seven
    panels = [axes for axes in figure.axes if axes in figure.get_axes()][:28]
    assert titles(figure)[:14] == [*names, *[""] * 5]
    assert titles(figure)[14:28] == ["", *names[1:], *[""] * 5]
    (image,) = panels[2].images
    samples = view.dataset.results.picture_samples("motion-32-degrad-jfb-s0")
    assert samples is not None
    pixels = np.round(samples.reconstruction[0, 0] * 255) / 255
    np.testing.assert_allclose(image.get_array(), pixels, atol=1e-3)
    assert panels[2].get_xlabel() == "34.00"
    assert "pictures of 48×48 px: rocket; PSNR in dB" in said(figure)


def test_errors_are_absolute_and_share_one_stated_scale(tmp_path: Path) -> None:
    levels = (0.4, 0.6)
    runs = [kept("jfb", flat(levels, error=0.05)), kept("ift", flat(levels, error=-0.2))]
    figure = drawn(gallery, view_of(tmp_path, *runs))
    maps = [axes.images[0] for axes in figure.axes if axes.images and not axes.get_xlabel()]
    errors = [each for each in maps if each.get_cmap().name == "magma" and each.norm.vmax > 0]
    (scale,) = {each.norm.vmax for each in errors}
    assert scale == 0.2
    means = sorted({round(float(each.get_array().mean()), 2) for each in errors})
    assert means == [0.0, 0.05, 0.2]
    bars = [inner for axes in figure.axes for inner in axes.child_axes if isinstance(inner, Axes)]
    words = [label.get_text() for label in bars[0].get_xticklabels()]
    assert words == ["0", "≥ 0.2"]
    assert bars[0].get_title() == "absolute error"


@pytest.mark.parametrize("module", BOTH)
def test_the_image_with_the_most_contrast_comes_first(tmp_path: Path, module: ModuleType) -> None:
    samples = flat((0.01, 0.3, 0.9, 0.5, 0.7))
    view = view_of(tmp_path, kept("jfb", samples))
    assert by_contrast(samples.clean) == [2, 4, 3, 1, 0]
    table = module.data(view)
    own = table[table["method"] == "jfb"]
    assert list(own.iloc[:, 0])[:2] == [2, 4]
    assert list(own["psnr"])[:2] == [32.0, 34.0]
    assert float(drawn(module, view).axes[0].images[0].get_array().max()) == pytest.approx(
        0.9, abs=0.005
    )


def test_data_is_what_is_drawn(view: View) -> None:
    for module, images in ((gallery, [0]), (gallery_crops, [0, 1])):
        table = module.data(view)
        assert list(table["method"].unique()) == ["observed", *factories.METHODS]
        assert list(table.iloc[:, 0].unique()) == images
        assert len(table) == len(images) * 8
    errors = gallery.data(view)
    assert errors is not None
    by_method = errors.set_index("method")["error"]
    assert by_method["jfb"] == pytest.approx(0.2 * by_method["observed"], abs=0.002)


@pytest.mark.parametrize("module", BOTH)
def test_colour_is_shown_and_never_another_image(tmp_path: Path, module: ModuleType) -> None:
    color = kept("jfb", factories.samples(34, channels=3))
    other = kept("ift", factories.samples(35, channels=1))
    figure = drawn(module, view_of(tmp_path, color, other))
    assert figure.axes[2].images[0].get_array().shape == (16, 16, 3)
    assert not figure.axes[3].images
    assert figure.axes[3].texts[0].get_text() == "other images"


@pytest.mark.parametrize("module", BOTH)
def test_a_perfect_or_undefined_psnr_breaks_nothing(tmp_path: Path, module: ModuleType) -> None:
    samples = {"jfb": factories.samples(math.inf), "ift": factories.samples(math.nan)}
    figure = drawn(module, view_of(tmp_path, *(kept(name, each) for name, each in samples.items())))
    assert figure.axes[2].xaxis.label.get_weight() == "bold"


@pytest.mark.parametrize("part", ["clean", "observed", "reconstruction"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -3e38])
def test_pixels_that_are_no_colours_are_drawn(tmp_path: Path, part: str, value: float) -> None:
    samples = factories.samples(30.0)
    strange = replace(samples, **{part: np.full_like(samples.clean, value)})
    view = view_of(tmp_path, kept("jfb", samples))
    (run_id,) = view.runs["run_id"]
    for name in ("samples.npz", "pictures.npz"):  # as a stranger might send them
        np.savez(tmp_path / "runs" / run_id / name, **vars(strange))
    for module in BOTH:
        drawn(module, view).draw_without_rendering()
    assert np.isfinite(gallery.data(view)["error"]).all()  # type: ignore[index]


def test_of_many_crops_few_are_shown(tmp_path: Path) -> None:
    view = view_of(tmp_path, kept("jfb", factories.samples(30.0, images=50)))
    assert len(drawn(gallery_crops, view).axes) == gallery_crops.IMAGES_DOWN * 3


@pytest.mark.parametrize("module", BOTH)
def test_a_run_without_images_says_why(tmp_path: Path, module: ModuleType) -> None:
    failed = factories.failed_record("ift", 0)
    view = view_of(tmp_path, factories.run_record("jfb"), failed, kept("tv", None))
    texts = [text.get_text() for axes in drawn(module, view).axes for text in axes.texts]
    assert {"out of memory", "no images"} <= set(texts)


@pytest.mark.parametrize("module", BOTH)
def test_without_images_there_is_no_gallery(tmp_path: Path, module: ModuleType) -> None:
    view = view_of(tmp_path, kept("jfb", None))
    assert module.draw(view) is None
    assert module.data(view) is None


def test_few_methods_leave_room_for_several_pictures(tmp_path: Path) -> None:
    samples = factories.samples(30.0, images=5)
    view = view_of(tmp_path, kept("jfb", samples), kept("ift", samples))
    table = gallery.data(view)
    assert table is not None
    assert table["picture"].nunique() == gallery.MOST_PICTURES == 3
    assert drawn(gallery, view).get_figheight() < 11
