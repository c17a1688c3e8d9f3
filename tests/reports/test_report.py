"""The whole report: files, links, damaged records, names from strangers."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.records import RunRecord, write_experiment, write_record
from reports.figures import cost_vs_size
from reports.figures.draw import FIGURES, POOLED_FIGURES, figure_name
from reports.page import facts
from reports.report import ReportResult, write_report
from reports.sections import TABLES
from tests.support import records as factories

HOSTILE = "<script>alert('x')</script>|[a](javascript:b)$x_{"


class Links(HTMLParser):
    """Collects the addresses, the scripts and the text of a page, whose tags must match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.inside = list[str](), list[str]()
        self.scripts: list[dict[str, str | None]] = []
        self.text, self.opened = "", list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += [dict(attrs)] if tag == "script" else []
        self.opened += [tag] if tag not in ("meta", "img", "br", "hr", "input") else []
        for name, value in attrs:
            if name in ("href", "src") and value:
                (self.inside if value.startswith("data:") else self.links).append(value)

    def handle_endtag(self, tag: str) -> None:
        assert tag == "img" or self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


DRAWN = [module for module in (*FIGURES, *POOLED_FIGURES) if module is not cost_vs_size]


def assert_only_our_scripts(page: Links) -> None:
    run = [script for script in page.scripts if script.get("type") != "text/plain"]
    assert [list(script) for script in run] == [["nonce"]]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportResult:
    folder = factories.write_results(tmp_path_factory.mktemp("results") / "synthetic", seeds=3)
    (folder / "runs" / "motion-32-degrad-ift-s1" / "record.json").write_text("{")
    failed = factories.failed_record("unrolling", 1)
    failed.row["log_path"] = "logs/failed.txt"
    write_record(folder, failed)
    return write_report(folder)


def test_all_files_are_there_and_not_empty(report: ReportResult) -> None:
    names = {str(path.relative_to(report.folder)) for path in report.folder.rglob("*.*")}
    figures = [figure_name(module) for module in DRAWN]
    expected = {f"figures/{name}.{kind}" for name in figures for kind in ("png", "pdf", "csv")}
    expected |= {f"{name}.{kind}" for name in TABLES for kind in ("csv", "md")}
    assert names == expected | {"index.html", "report.md", "runs.csv", "curves.csv"}
    assert {"drift", "gallery", "psnr_vs_time", "time_to_accuracy"} < set(figures)
    assert all(path.stat().st_size > 100 for path in report.folder.rglob("*.*"))


@pytest.mark.usefixtures("sketches")
def test_very_many_points_are_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.sections.MOST_POINTS", 10)
    folder = write_report(factories.write_results(tmp_path, seeds=1)).folder
    assert (folder / "runs.csv").exists()
    assert not (folder / "curves.csv").exists()
    for name in ("index.html", "report.md"):
        text = (folder / name).read_text()
        assert "curves.csv" not in text
        assert "too many to be copied" in text


def test_every_link_of_the_pages_leads_somewhere(report: ReportResult) -> None:
    html = Links((report.folder / "index.html").read_text())
    markdown = re.findall(r"\]\(([^)]+)\)", (report.folder / "report.md").read_text())
    assert len(html.inside) == len(set(html.inside)) > len(FIGURES)
    for links, inside in ((html.links, len(html.inside)), (markdown, 0)):
        expected = 2 * len(TABLES) + 2 + 3 * len(DRAWN)
        assert len(links) == len(set(links)) == expected - inside
        assert all((report.folder / link).is_file() for link in links)


def test_the_page_says_where_and_what(report: ReportResult) -> None:
    for name in ("index.html", "report.md"):
        text = (report.folder / name).read_text()
        for fact in ("0123abc", "cores 2", "torch 2.12.1", "a processor", "tv+0"):
            assert fact in text
        assert "motion-32-degrad-unrolling-s1" in text
        assert "CUDA out of memory" in text
        assert "(log: logs/failed.txt)" in text


def test_the_page_has_its_sections_in_order_and_the_noise_floor(report: ReportResult) -> None:
    titles = ["What was found", "Damaged records", "Failed runs", "Summary", "Larger pictures"]
    titles += ["Training", "Reconstruction", "Gradients of training", "Cost and memory", "Scores"]
    html = (report.folder / "index.html").read_text()
    markdown = (report.folder / "report.md").read_text()
    titles += ["Metrics of the methods", "Diagnostics", "Records"]
    titles += ["How to read it", "How it was made"]
    assert re.findall(r"^## (.*)$", markdown, re.M) == titles
    titles.insert(titles.index("Summary"), "Explore")
    assert re.findall(r"<h2>(.*?)</h2>", html) == titles
    for text in (html, markdown, report.terminal):
        assert "ift ends 6.50 dB above dncnn" in " ".join(text.split())
    for text in (html, markdown):
        assert "noise floor is 8.2 %" in text
        assert "adding one changes it" in text


@pytest.mark.usefixtures("sketches")
def test_reference_of_the_absolute_scores(report: ReportResult, tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path / "results")
    written = write_report(folder, reference="ift").folder
    assert "time score relative to ift" in (written / "scores.md").read_text()
    with pytest.raises(UserError, match="did you mean 'ift'"):
        write_report(folder, reference="itf")


@pytest.mark.usefixtures("sketches")
def test_records_of_version_1_make_a_whole_report(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    for method in ("jfb", "tv"):
        for seed in range(2):
            row = factories.run_row(method, seed, forward_seconds=None, started_at="")
            write_record(tmp_path, RunRecord(row, factories.curve(method, seed)))
    folder = write_report(tmp_path).folder
    assert (folder / "training.csv").exists()
    assert not (folder / "reconstruction.csv").exists()
    assert "was not measured" in (folder / "index.html").read_text()


def test_damaged_records_are_named_and_the_rest_reported(report: ReportResult) -> None:
    (message,) = report.damaged
    assert "motion-32-degrad-ift-s1" in message
    for name in ("index.html", "report.md"):
        assert "motion-32-degrad-ift-s1" in (report.folder / name).read_text()
    (ift,) = [line for line in report.terminal.splitlines() if line.startswith("ift")]
    assert "2/2" in ift
    assert "jfb" in report.terminal


@pytest.mark.usefixtures("sketches")
def test_a_second_report_leaves_no_figure_of_the_first(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path, seeds=1)
    (folder / "report" / "figures").mkdir(parents=True)
    (folder / "report" / "figures" / "gallery_old-1.png").touch()
    (folder / "report" / "notes.txt").write_text("mine")
    write_report(folder, target="psnr=31")
    assert not (folder / "report" / "figures" / "gallery_old-1.png").exists()
    assert (folder / "report" / "notes.txt").read_text() == "mine"


def test_names_from_strangers_are_text(tmp_path: Path) -> None:
    row = factories.run_row(
        HOSTILE, problem=HOSTILE, layer=HOSTILE, run_id="r", status="error", message=HOSTILE
    )
    good = factories.run_row(HOSTILE, problem=HOSTILE, run_id="s", peak_memory_source=HOSTILE)
    write_experiment(tmp_path / "experiment.yaml", {"commit": HOSTILE, HOSTILE: [1]})
    write_record(tmp_path, RunRecord(row, factories.curve("jfb")))
    write_record(tmp_path, RunRecord(good, factories.curve("jfb"), factories.samples(30.0)))
    folder = write_report(tmp_path).folder
    page = Links((folder / "index.html").read_text())
    assert not page.opened
    assert_only_our_scripts(page)
    assert all((folder / link).is_file() for link in page.links)
    assert page.text.count(HOSTILE) >= 3  # the commit, the message, the failed run in its row
    for name in ("report.md", "summary.md"):
        text = (folder / name).read_text()
        assert "<script" not in text
        assert not re.search(r"(?<!\\)\]\(javascript", text)


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize(
    "name",
    ["[x](javascript:y)", "``` `", "a|b", "](z)", "![i](j)", "&lt;b&gt; &amp;", "- a\n# b", "*"],
)
def test_a_hostile_name_is_read_as_it_is_in_both_pages(tmp_path: Path, name: str) -> None:
    write_experiment(tmp_path / "experiment.yaml", {"commit": name})
    for seed, status in enumerate(("completed", "error")):
        row = factories.run_row(name, seed, problem=name, run_id=f"r{seed}", status=status)
        write_record(tmp_path, RunRecord({**row, "message": name, "log_path": name}))
    folder = write_report(tmp_path).folder
    page = Links((folder / "index.html").read_text())
    shown = " ".join(name.split())
    assert f"commit: {shown}\n" in page.text
    assert f"r1: error. {name.splitlines()[0]} (log: {shown})" in page.text
    assert f"\n{shown}\n33.00\n{shown}\n32\n—\n" in page.text  # method, PSNR and workload
    assert_only_our_scripts(page)
    assert all((folder / link).is_file() for link in page.links)
    text = (folder / "report.md").read_text()
    assert all((folder / link).is_file() for link in re.findall(r"(?<!\\)\]\(([^)]+)\)", text))


def test_only_damaged_records_still_make_a_report(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    (tmp_path / "runs" / "half").mkdir(parents=True)
    result = write_report(tmp_path)
    assert result.terminal == "no readable record"
    assert "half" in result.damaged[0]
    assert "half" in (result.folder / "index.html").read_text()


@pytest.mark.usefixtures("sketches")
def test_only_failed_runs_still_make_a_report(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    nothing = dict.fromkeys(("psnr", "ssim", "psnr_observed", "peak_memory_bytes"))
    for method in ("jfb", "tv"):
        row = factories.run_row(method, status="timeout", **nothing)
        write_record(tmp_path, RunRecord(row))
    result = write_report(tmp_path)
    assert "1 timeout" in result.terminal
    assert "1 timeout" in (result.folder / "report.md").read_text()


@pytest.mark.usefixtures("sketches")
def test_user_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such results folder"):
        write_report(tmp_path / "none")
    with pytest.raises(UserError, match="not a results folder"):
        write_report(tmp_path)
    folder = factories.write_results(tmp_path / "good", seeds=1)
    with pytest.raises(UserError, match="not psnr=30"):
        write_report(folder, target="fast")
    assert not (folder / "report").exists()
    (folder / "report").write_text("in the way")
    with pytest.raises(UserError, match="cannot write the report"):
        write_report(folder)


def test_facts_flatten_what_fits_on_a_line() -> None:
    experiment = {
        "machine": {"cores": 2, "memory_bytes": 2**33, "gpu": None},
        "commit": None,
        "command": ["run", "--seeds", 2],
        "plugins": [],
        "noise_floor": {"relative": 0.034896589, "pairs": 3},
        "config": {"train": {"steps": 1}},
    }
    assert facts(experiment) == {
        "machine": "cores 2, memory 8.0 GiB, gpu —",
        "commit": "—",
        "command": "run --seeds 2",
        "plugins": "—",
        "noise floor": "relative 0.0349, pairs 3",
    }


def test_importing_reports_is_cheap() -> None:
    code = (
        "import reports.report, sys;"
        "heavy = {'torch', 'matplotlib', 'seaborn', 'jinja2', 'markdown_it'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
