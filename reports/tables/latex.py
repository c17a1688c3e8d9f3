"""Tables as LaTeX with booktabs: a caption, and a footnote for each dash and sign."""

from __future__ import annotations

import textwrap
import unicodedata

import pandas as pd

from reports.data.best import BEST
from reports.data.grouping import WORKLOAD
from reports.format import NONE, TEXT_COLUMNS, printable
from reports.stats.verdicts import WORSE
from reports.tables.table import Judged, Table

PACKAGES = "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}.\n"
WIDE = 6  # columns that fit into one column of a paper
HEAD = 13  # characters of a line of a head
BREAK = "\\\\"
SIGNS = (
    "Bold: better, by a 95 % interval, than every other number of the column on its workload; "
    "underlined: than every one but the bold one. Bounds (>) are not compared."
)
UNKNOWN = "there is no such number, or no run completed"
# What a dash in a column means, by the beginning of its head.
DASHES = {
    "layer": "not an implicit network",
    "training time": "does not train, or no run completed",
    "time to target": "does not train, or no target is known",
    "preparation time": "needs no preparation, or no run completed",
    "converged": "makes no such solves, or no run completed",
    "error of seeds": "too few seeds",
    "95 % interval": "too few seeds",
    "difference": "the reference itself, or no common seed",
    "verdict": "the reference itself, or no common seed",
    "seeds won": "the reference itself, or no common seed",
    "break-even": "there is no method without training to compare with, or nothing is paid back",
    "R²": "the peak does not vary",
    "cosine": "not compared with a reference",
    "relative error": "not compared with a reference",
}
_SIGNS = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"},
    # A quotation mark is a command in some languages; ?` and !` are signs of their own.
    **{'"': "\\char34{}", "`": "\\char96{}"},
    **{"<": "$<$", ">": "$>$", "|": "$|$", "[": "{[}", "]": "{]}"},
    **{"—": "---", "–": "--", "±": "$\\pm$", "≈": "$\\approx$", "×": "$\\times$"},
    **{"†": "\\dag{}", "∞": "$\\infty$", "²": "$^2$", "·": "$\\cdot$", "…": "\\dots{}"},
    **{"θ": "$\\theta$", "τ": "$\\tau$", "ρ": "$\\rho$", "∂": "$\\partial$", "ℓ": "$\\ell$"},
    **{"\N{NO-BREAK SPACE}": "~", "∫": "$\\int$", "Σ": "$\\Sigma$", "*": "$*$"},
}
_ACCENTS = "\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327"  # that every LaTeX puts on a letter


def escape_latex(text: object) -> str:
    """Return one line of text in which nothing is a command; `?` for signs that LaTeX may lack."""
    return "".join(map(_escaped, printable(text, 2000)))


def _escaped(sign: str) -> str:
    if sign in _SIGNS or sign.isascii():
        return _SIGNS.get(sign, sign)
    letters = unicodedata.normalize("NFD", sign)
    known = len(letters) == 2 and letters[0].isascii() and letters[1] in _ACCENTS
    return sign if known else "?"


def latex_table(table: Table) -> str:
    """Return a table environment to be included: booktabs, caption, label, footnotes.

    Columns of names that are the same in every row are said in the caption instead. The best of a
    workload is bold only where its interval says that it is better than every other method there,
    and the second best is underlined only where the same holds of it and all that follow.
    """
    cells = table.cells
    common = [name for name in cells if name in ("problem", "size (px)", "layer", "status")]
    common = [name for name in common if cells[name].nunique() == 1]
    shown = cells.drop(columns=common)
    marks, notes = _footnotes(shown)
    bold, underlined = _marked(table, shown)
    written = shown.map(escape_latex)
    for name, mark in marks.items():
        dash = cells[name] == NONE
        written.loc[dash, name] = f"{escape_latex(NONE)}$^{{{mark}}}$"
    body = _tabular(written, bold, underlined)
    where = [f"{name.partition(' (')[0]} {cells[name].iloc[0]}" for name in common]
    caption = [table.stem.replace("_", " ").capitalize() + f" ({', '.join(where)})" * bool(where)]
    caption += [table.caption, SIGNS * bool(bold)]
    label = table.stem.replace("_", "-")
    kind = "table*" if len(shown.columns) > WIDE else "table"
    lines = [
        f"{PACKAGES}\\begin{{{kind}}}[t]",
        "\\centering\\footnotesize\\setlength{\\tabcolsep}{3pt}",
        f"\\caption{{{escape_latex('. '.join(each.rstrip('.') for each in caption if each))}.}}",
        f"\\label{{tab:{label}}}",
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
        f"{body.rstrip()}}}",
        *(
            f"\\par\\smallskip\\raggedright\\scriptsize {note}"
            for note in [" ".join(notes)]
            if note
        ),
    ]
    notes = [escape_latex(note) for note in table.notes]
    lines += [f"\\par\\raggedright\\scriptsize {note}" for note in notes]
    return "\n".join([*lines, f"\\end{{{kind}}}", ""])


def _footnotes(cells: pd.DataFrame) -> tuple[dict[str, str], list[str]]:
    """Return the letter of each column with dashes, and what the letters mean."""
    heads = [str(name) for name in cells if (cells[name] == NONE).any()]
    meanings = {head: _meaning(head) for head in heads}
    letters = dict(zip(dict.fromkeys(meanings.values()), "abcdefghijklmnop", strict=False))
    notes = [f"$^{{{letter}}}$~{escape_latex(why)}." for why, letter in letters.items()]
    return {head: letters[why] for head, why in meanings.items()}, notes


def _meaning(head: str) -> str:
    found = (why for start, why in DASHES.items() if head.startswith(start))
    return next(found, UNKNOWN)


Cells = set[tuple[int, str]]


def _marked(table: Table, shown: pd.DataFrame) -> tuple[Cells, Cells]:
    """Return the cells of the best and of the second best, where the verdicts are certain."""
    best: Cells = set()
    second: Cells = set()
    for head, judged in table.judged.items():
        for _, rows in table.numbers.groupby(WORKLOAD, sort=False):
            first = _certain(rows[f"{judged.column}_verdict"])
            if head in shown and first is not None:
                best.add((first, head))
                second |= {(each, head) for each in _next(judged, rows.drop(index=first))}
    return best, second


def _next(judged: Judged, rest: pd.DataFrame) -> list[int]:
    found = _certain(judged.verdicts(rest))
    return [] if found is None else [found]


def _certain(verdicts: pd.Series[str]) -> int | None:
    """Return the place of the best where all others are worse, and there are others."""
    known = verdicts[verdicts != ""]
    others = known[known != BEST]
    certain = len(others) > 0 and len(known) - len(others) == 1 and (others == WORSE).all()
    return int(known[known == BEST].index[0]) if certain else None


def _tabular(written: pd.DataFrame, bold: Cells, underlined: Cells) -> str:
    looks = pd.DataFrame("", index=written.index, columns=written.columns)
    for cells, look in ((bold, "textbf:--rwrap;"), (underlined, "underline:--rwrap;")):
        for row, head in cells:
            looks.loc[row, head] = look
    alignment = "".join("l" if name in TEXT_COLUMNS else "r" for name in written)
    styled = written.style.hide(axis="index").apply(lambda _: looks, axis=None)
    styled = styled.format_index(_head, axis="columns")
    return str(styled.to_latex(hrules=True, column_format=alignment))


def _head(head: object) -> str:
    """Return a head in lines as short as the numbers below it."""
    name = str(head)
    side = "l" if name in TEXT_COLUMNS else "r"
    lines = [escape_latex(line) for line in textwrap.wrap(name, HEAD)]
    return lines[0] if len(lines) == 1 else f"\\shortstack[{side}]{{{BREAK.join(lines)}}}"
