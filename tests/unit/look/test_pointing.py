"""The caret stands under its character, as a terminal's cells count."""

from unicodedata import east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.look import point_at


def measure(text: str) -> int:
    """Cells by Unicode's own table (UAX 11)."""
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


@pytest.mark.parametrize(
    ("line", "column", "shown", "caret"),
    [
        ("abc", 2, "abc", " ^"),
        ("北京abc", 3, "北京abc", "    ^"),
        ("北京", 2, "北京", "  ^"),
        ("abc", 4, "abc", "   ^"),
        ("abc", 99, "abc", "   ^"),
        ("a\tb\x1bc", 5, "a b c", "    ^"),
        ("", 1, "", "^"),
    ],
)
def test_the_caret_is_under_its_character(line: str, column: int, shown: str, caret: str) -> None:
    assert point_at(line, column, 40) == (shown, caret)


@given(st.text(st.sampled_from('ab 北京，{"'), min_size=1, max_size=300), st.data())
def test_a_long_line_is_shown_around_the_place(line: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(1, len(line)))
    shown, caret = point_at(line, column, 40)
    at = next(n for n in range(len(shown) + 1) if measure(shown[:n]) == len(caret) - 1)
    assert shown[at] == line[column - 1]
    assert measure(shown) <= 40
    assert shown.strip("…") in line
    assert shown.startswith("…") or line.startswith(shown.rstrip("…"))
