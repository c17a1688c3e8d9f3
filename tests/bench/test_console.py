"""Tables for a terminal: they fit its width, and nothing in them is broken."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from bench.console import table

ROWS = [
    ["method", "summary", "time (s)"],
    ["jfb", "the inverse replaced by the identity", "1.5"],
    ["deepinv-ift", "exact", "10.25"],
]


def test_a_table_by_hand() -> None:
    assert table(ROWS, numbers=[2], rule=True).splitlines() == [
        "method       summary                               time (s)",
        "-----------  ------------------------------------  --------",
        "jfb          the inverse replaced by the identity       1.5",
        "deepinv-ift  exact                                    10.25",
    ]


def test_text_is_wrapped_at_spaces_before_a_block_is_begun() -> None:
    assert table(ROWS, numbers=[2], width=40).splitlines() == [
        "method       summary            time (s)",
        "jfb          the inverse             1.5",
        "             replaced by the",
        "             identity",
        "deepinv-ift  exact                 10.25",
    ]


def test_what_does_not_fit_goes_on_below_after_the_first_column() -> None:
    assert table(ROWS, numbers=[2], rule=True, width=22).splitlines() == [
        "method       summary",
        "-----------  ---------",
        "jfb          the",
        "             inverse",
        "             replaced",
        "             by the",
        "             identity",
        "deepinv-ift  exact",
        "",
        "method       time (s)",
        "-----------  --------",
        "jfb               1.5",
        "deepinv-ift     10.25",
    ]


def test_words_stay_whole_even_where_they_do_not_fit() -> None:
    rows = [["method", "parameters"], ["deepinv-ift", "max_iterations=100 tolerance=1e-4"]]
    assert table(rows, width=20).splitlines() == [
        "method       parameters",
        "deepinv-ift  max_iterations=100",
        "             tolerance=1e-4",
    ]


def test_a_width_that_is_no_limit_changes_nothing() -> None:
    assert table(ROWS, width=59) == table(ROWS, width=10_000) == table(ROWS)


def test_one_column_and_empty_cells() -> None:
    assert table([["a"], [""], ["b"]]) == "a\n\nb"
    assert table([["a", "b"], ["x", ""], ["", "y"]]).splitlines() == ["a  b", "x", "   y"]


WORDS = ("jfb", "deepinv-ift", "code-version", "a", "T(z)", "1e-05", "x=3,y=4", "±0.3", "—")


def random_text(draw: random.Random, most: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(draw.randint(0, most)))


def random_number(draw: random.Random) -> str:
    return draw.choice([f"{draw.uniform(-1e4, 1e4):.3f}", f"{draw.random():.1e}", "1.0 ± 0.2", ""])


def random_table(draw: random.Random) -> tuple[list[list[str]], set[int]]:
    """Cells of words of at most twelve letters, a first column that is not empty, and numbers."""
    columns = draw.randint(1, 14)
    numbers = {at for at in range(1, columns) if draw.random() < 0.5}
    heading = ["the method", *(random_text(draw, 3) for _ in range(columns - 1))]
    rows = [
        [
            f"row-{number} {random_text(draw, 2)}".strip(),
            *(
                random_number(draw) if at in numbers else random_text(draw, 12)
                for at in range(1, columns)
            ),
        ]
        for number in range(draw.randint(0, 6))
    ]
    return [heading, *rows], numbers


@pytest.mark.parametrize("seed", range(150))
def test_random_tables_fit_with_every_word_whole(seed: int) -> None:
    draw = random.Random(seed)
    rows, numbers = random_table(draw)
    for width in (40, 57, 80, 120):
        text = table(rows, numbers=numbers, rule=draw.random() < 0.5, width=width)
        blocks = [block.splitlines() for block in text.split("\n\n")]
        lines = [line for block in blocks for line in block if set(line) - {"-", " "}]
        assert max(map(len, text.splitlines())) <= width
        first = Counter(word for row in rows for word in row[0].split())
        others = Counter(word for row in rows for cell in row[1:] for word in cell.split())
        repeated = Counter({word: count * len(blocks) for word, count in first.items()})
        assert Counter(word for line in lines for word in line.split()) == repeated + others
        for row in rows[1:]:
            assert all(any(row[at] in line for line in lines) for at in numbers)
        for block in blocks:
            assert all(any(line.startswith(row[0].split()[0]) for line in block) for row in rows)


@pytest.mark.parametrize("seed", range(30))
def test_no_block_is_begun_while_the_words_would_fit(seed: int) -> None:
    """Fewer columns to a block than fit would make a table longer for nothing."""
    draw = random.Random(1000 + seed)
    columns = draw.randint(2, 10)
    rows = [["a" * 4 for _ in range(columns)] for _ in range(3)]
    least = 4 * columns + 2 * (columns - 1)
    assert "\n\n" not in table(rows, width=least)
    assert ("\n\n" in table(rows, width=least - 1)) is (columns > 2)
