"""What a page holds beyond its text: bounded, whole, and the same for the same records."""

from __future__ import annotations

import base64
import gzip
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.records import Results, load_results
from reports.data.dataset import Dataset
from reports.explorer import data as charted
from reports.explorer import gallery as pictured
from reports.explorer import page as paged
from reports.explorer.bundle import packed, scripts
from reports.explorer.data import ChartData, chart_data
from reports.explorer.gallery import gallery
from reports.explorer.images import image_data
from reports.explorer.page import explorer, with_figures_inside
from tests.support import records as factories
from tests.support.synthetic_results import METHODS, write_synthetic


@pytest.fixture(scope="module")
def data(results: Results) -> ChartData:
    return chart_data(Dataset.of(results, "gain=5"))


def of(data: ChartData, rows: str, method: str) -> list[dict[str, Any]]:
    place = [each["name"] for each in data.methods].index(method)
    return [row for row in getattr(data, rows) if row["m"] == place]


def test_curves_are_means_over_seeds(data: ChartData) -> None:
    last = of(data, "curves", "jfb")[-1]
    final = [factories.curve("jfb", seed)[-1]["psnr"] for seed in range(2)]
    assert last["step"] == 100
    assert last["psnr"] == pytest.approx(np.mean(final), abs=0.001)
    assert last["psnr_std"] == pytest.approx(np.std(final, ddof=1), abs=0.001)


def test_a_failed_run_is_in_no_mean(data: ChartData) -> None:
    (cost,) = of(data, "costs", "unrolling")
    assert (cost["seeds"], cost["psnr"], cost["low"]) == (1, 34.8, None)


def test_times_are_those_of_the_report(results: Results, data: ChartData) -> None:
    runs = Dataset.of(results, "gain=5").trained
    own = runs[runs["legend"] == "ift"].sort_values("seed")["reached"].tolist()
    rows = [row for row in of(data, "times", "ift") if row["target"] == "gain=5"]
    assert [row["s"] for row in rows] == pytest.approx(own)
    dncnn = [row for row in of(data, "times", "dncnn") if row["target"] == "gain=5"]
    assert [(row["kept"], row["s"]) for row in dncnn] == [(False, 5.0), (False, 5.0)]


def test_what_does_not_train_is_a_level(data: ChartData) -> None:
    names = {data.methods[row["m"]]["name"]: row["psnr"] for row in data.levels}
    assert names == {"pnp_admm": 33.0, "tv": 33.5}


def test_ten_workloads_of_many_methods_fit_and_say_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset.of(load_results(write_synthetic(tmp_path, seeds=1)))
    whole = chart_data(dataset)
    assert len(whole.curves) == 10 * (len(METHODS) - 1) * 50
    assert whole.note == ""
    monkeypatch.setattr(charted, "MOST_ROWS", 70)
    bounded = chart_data(dataset)
    assert len(bounded.curves) == len(bounded.times) == len(bounded.costs) == 70
    assert "left out" in bounded.note


def test_the_page_of_10000_runs_has_only_the_target_of_the_report(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset.of(results)
    assert len(chart_data(dataset).targets) > 1
    monkeypatch.setattr(charted, "MANY_RUNS", 3)
    assert chart_data(dataset).targets == [dataset.target]


def test_everything_is_json_without_infinities(results: Results) -> None:
    curves = results.curves.assign(psnr=np.inf)
    made = explorer(Dataset.of(replace(results, curves=curves), "gain=5"))
    assert made is not None
    content = json.loads(gzip.decompress(base64.b64decode(made.state)))
    assert set(content["charts"]) == {"curves", "times", "costs"}
    assert explorer(Dataset.of(replace(results, curves=curves), "gain=5")) == made


def test_libraries_unpack_and_end_no_element() -> None:
    vega, tables = (gzip.decompress(base64.b64decode(each)).decode() for each in scripts())
    assert "window.vegaEmbed" in vega
    assert "window.tables={" in tables
    assert not any("<" in each for each in scripts())
    assert packed("a") == packed("a")


def image_of(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_larger_pictures_come_before_crops_and_those_of_contrast_first(results: Results) -> None:
    pictures, crops = gallery(Dataset.of(results))
    assert image_of(pictures["pictures"][0]["clean"]).size == (48, 48)
    assert image_of(crops["pictures"][0]["clean"]).size == (16, 16)
    brightest = factories.samples(1.0, size=48).clean[0]
    assert pictures["pictures"][0]["clean"] == image_data(brightest)
    names = [each["name"] for each in pictures["pictures"][0]["methods"]]
    assert names == list(factories.METHODS)


def test_the_gallery_is_bounded_and_every_set_has_a_picture_before_any_has_two(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = Dataset.of(results)
    sets = gallery(dataset)
    firsts = sum(len(json.dumps(each["pictures"][0])) for each in sets)
    assert [len(each["pictures"]) for each in sets] == [2, 2]
    monkeypatch.setattr(pictured, "MOST_BYTES", firsts)
    assert [len(each["pictures"]) for each in gallery(dataset)] == [1, 1]
    monkeypatch.setattr(pictured, "MOST_BYTES", 10)
    assert gallery(dataset) == []


def test_pixels_are_kept_and_what_is_no_number_is_black() -> None:
    image = np.array([[[0.0, 1.0, 0.5], [np.nan, np.inf, -3.0]]], np.float32)
    pixels = np.asarray(image_of(image_data(image)).convert("L"))
    assert pixels.tolist() == [[0, 255, 128], [0, 255, 0]]


def test_figures_are_inside_while_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "figures").mkdir()
    stems = ("gallery", "phases", "broken", "ranks")
    for stem in stems:
        Image.new("RGB", (9, len(stem))).save(tmp_path / "figures" / f"{stem}.png")
    (tmp_path / "figures" / "broken.png").write_bytes(b"")
    html = "".join(f'<img src="figures/{stem}.png">' for stem in stems)
    whole = with_figures_inside(html, tmp_path)
    assert whole.count("data:image/webp") == 3
    assert 'data-figure="gallery" class="replaced" src="data:' in whole
    assert 'data-figure="broken" loading="lazy" src="figures/broken.png"' in whole
    room = len(html) + len(whole.partition('data-figure="phases" ')[2].partition(">")[0])
    monkeypatch.setattr(paged, "MOST_BYTES", room)
    some = with_figures_inside(html, tmp_path)
    assert some.count("data:image/webp") == 1
    assert 'data-figure="phases" src="data:' in some  # what is replaced comes last
