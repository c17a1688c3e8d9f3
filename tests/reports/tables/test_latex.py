"""Tables in LaTeX: their structure, names from strangers, dashes, and what is bold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from bench.records import RunRecord, load_results, write_experiment, write_record
from reports.data.best import BEST, UNKNOWN
from reports.data.dataset import Dataset
from reports.report import write_report
from reports.stats.verdicts import INCONCLUSIVE, WORSE
from reports.tables.latex import escape_latex, latex_table
from reports.tables.summary import summary_table
from reports.tables.table import Judged, Table
from tests.support import records as factories

HOSTILE = "\\input{/etc/passwd}%$x_{#&~^}\"`'[*|<>"


def braces_match(text: str) -> bool:
    depth = 0
    for sign in re.sub(r"\\[\\{}%]", "", text):
        depth += (sign == "{") - (sign == "}")
        if depth < 0:
            return False
    return depth == 0


def table(verdicts: Sequence[str], among_rest: Sequence[str] = ()) -> Table:
    """A table of one workload whose best is judged so, and whose rest is judged so in turn."""
    numbers = pd.DataFrame(
        {
            **{"problem": "motion", "size": 32, "label": [f"m{n}" for n in range(len(verdicts))]},
            **{"psnr": [40.0 - n for n in range(len(verdicts))], "psnr_verdict": list(verdicts)},
        }
    )
    judged = Judged("psnr", lambda rows: pd.Series(list(among_rest), rows.index, dtype="str"))
    columns = {"method": lambda row: row["label"], "PSNR (dB)": lambda row: str(row["psnr"])}
    return Table("odd", numbers, columns, "A caption.", judged={"PSNR (dB)": judged})


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = factories.write_results(tmp_path_factory.mktemp("results"), seeds=3)
    return summary_table(Dataset.of(load_results(folder)))


def test_a_table_has_booktabs_rules_a_caption_and_a_label(summary: Table) -> None:
    text = latex_table(summary)
    order = [
        "\\begin{table*}",
        "\\caption{Summary (problem motion, size 32).",
        "\\label{tab:summary}",
    ]
    order += ["\\begin{tabular}", "\\toprule", "\\midrule", "\\bottomrule", "\\end{tabular}"]
    order += ["\\end{table*}"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "\\hline" not in text
    assert braces_match(text)
    body = text[text.index("\\midrule") : text.index("\\bottomrule")]
    rows = body.strip().splitlines()[1:]
    assert len(rows) == len(factories.METHODS)
    (columns,) = re.findall(r"\\begin\{tabular\}\{([lr]+)\}", text)
    assert {row.count(" & ") for row in rows} == {len(columns) - 1}
    assert all(row.endswith(" \\\\") for row in rows)
    assert "{[}" in body  # intervals, with brackets that are no options
    assert "?" not in body


def test_what_a_dash_means_is_a_footnote(summary: Table) -> None:
    text = latex_table(summary)
    (letter,) = set(re.findall(r"dncnn & [^&]+ & ---\$\^\{(\w)\}\$", text))
    assert f"$^{{{letter}}}$~not an implicit network." in text
    used = set(re.findall(r"---\$\^\{(\w)\}\$", text))
    explained = set(re.findall(r"(?<!---)\$\^\{(\w)\}\$~\w", text))
    assert used == explained
    assert not re.search(r"& --- &", text)


def test_the_best_is_bold_only_where_all_others_are_worse() -> None:
    certain = latex_table(table([WORSE, BEST, WORSE], [INCONCLUSIVE, BEST]))
    assert "m1 & \\textbf{39.0} \\\\" in certain
    assert certain.count("\\textbf") == 1
    assert "\\underline" not in certain  # the second cannot be told from the third
    assert "Bold: better, by a 95 \\% interval" in certain
    for doubt in (INCONCLUSIVE, UNKNOWN):
        text = latex_table(table([BEST, WORSE, doubt], [BEST, WORSE]))
        assert "\\textbf" not in text
        assert "\\underline" not in text  # of what has no best there is no second
        assert "Bold" not in text
    assert "\\textbf" not in latex_table(table([BEST, "", ""]))


def test_the_second_best_is_underlined_where_the_rest_is_worse() -> None:
    text = latex_table(table([BEST, WORSE, WORSE], [BEST, WORSE]))
    assert "m0 & \\textbf{40.0} \\\\" in text
    assert "m1 & \\underline{39.0} \\\\" in text
    assert "m2 & 38.0 \\\\" in text
    assert "\\underline" not in latex_table(table([BEST, WORSE], [BEST]))  # nothing follows


def test_verdicts_among_the_rest_are_those_of_a_table_without_the_best(summary: Table) -> None:
    judged, numbers = summary.judged["PSNR (dB)"], summary.numbers
    assert list(judged.verdicts(numbers)) == list(numbers["psnr_verdict"])
    rest = numbers[numbers["psnr_verdict"] != BEST]
    found = judged.verdicts(rest)
    assert list(found.index) == list(rest.index)
    (second,) = rest.loc[found == BEST, "label"]
    assert second == rest.loc[rest["psnr_mean"].idxmax(), "label"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pnp_admm 50 % & #1", "pnp\\_admm 50 \\% \\& \\#1"),
        ("\\input{x}", "\\textbackslash{}input\\{x\\}"),
        ("$x^2$~", "\\$x\\textasciicircum{}2\\$\\textasciitilde{}"),
        ("— 1–2 ± ≈ ∞ †", "--- 1--2 $\\pm$ $\\approx$ $\\infty$ \\dag{}"),
        ("[a] * b", "{[}a{]} $*$ b"),
        ("Étude ñ", "Étude ñ"),
        ("深い\x1b[2J\nnext", "???{[}2J next"),
    ],
)
def test_text_is_no_command(text: str, expected: str) -> None:
    assert escape_latex(text) == expected


@pytest.mark.usefixtures("sketches")
def test_names_from_strangers_are_text_in_every_table(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    for seed in range(2):
        for name in (HOSTILE, "jfb"):
            row = factories.run_row(name, seed, problem=HOSTILE, run_id=f"{len(name)}-{seed}")
            steps = factories.curve("jfb", seed)
            write_record(tmp_path, RunRecord(row, steps, memory=factories.memory("jfb")))
    made = write_report(tmp_path, style="paper")
    assert made.problems == []
    texts = [path.read_text() for path in sorted((made.folder / "tables").glob("*.tex"))]
    assert len(texts) >= 4
    for text in texts:
        assert "\\input" not in text
        assert braces_match(text)
        assert escape_latex(HOSTILE)[:20] in text


@pytest.mark.usefixtures("sketches")
def test_a_page_alone_has_no_tables_in_latex(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path, seeds=1)
    assert (write_report(folder, style="paper").folder / "tables" / "summary.tex").is_file()
    (folder / "report" / "tables" / "mine.bib").write_text("mine")
    again = write_report(folder).folder  # what the paper had is removed, what a user had is not
    assert [path.name for path in (again / "tables").iterdir()] == ["mine.bib"]
