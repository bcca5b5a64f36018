"""How figures are written, and that foreign text cannot steer the terminal."""

import json
from decimal import Decimal

import pytest

from tanzaku.look import (
    Terminal,
    escape_controls,
    format_count,
    format_ms,
    format_time,
    format_usd,
    strip_controls,
)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal(0), "$0.00"),
        (Decimal("0.0105"), "$0.0105"),
        (Decimal("0.0525005"), "$0.0525005"),
        (Decimal("1234.5"), "$1,234.50"),
        (Decimal("0.00000001"), "$0.00000001"),
        (None, "-"),
    ],
)
def test_dollars_keep_their_digits(amount: Decimal | None, text: str) -> None:
    assert format_usd(amount) == text


def test_a_cost_below_the_last_decimal_is_not_shown_as_nothing() -> None:
    assert format_usd(Decimal("0.0000000025")) == "<$0.00000001"


def test_counts_times_and_milliseconds() -> None:
    assert (format_count(1234567), format_count(None)) == ("1,234,567", "-")
    assert (format_ms(1.26), format_ms(1234.4), format_ms(None)) == ("1.3 ms", "1,234 ms", "-")
    assert format_time(0) == "1970-01-01 00:00:00"


@pytest.mark.requirement("L9")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]8;;http://evil\x07link", "]8;;http://evillink"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("\x9b2J", "2J"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("短冊 👩‍💻", "短冊 👩‍💻"),
    ],
)
def test_control_characters_are_taken_out(text: str, shown: str) -> None:
    assert strip_controls(text) == shown


def test_square_brackets_are_text_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().line("[bold]as it is[/bold] [link=http://x]y[/link]")
    assert capsys.readouterr().out == "[bold]as it is[/bold] [link=http://x]y[/link]\n"


def test_a_table_keeps_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().table("T", ["name", "n"], [("短冊", "12"), ("x\x1b[2J", "3")], right=1)
    out = capsys.readouterr().out
    assert all(word in out for word in ("T", "name", "短冊", "12", "x[2J"))
    assert "\x1b[2J" not in out


@pytest.mark.requirement("L9")
def test_escaped_controls_leave_the_value_and_nothing_that_steers() -> None:
    value = {"k\u202e": "\x1b[31m \x9b2J \x7f\n短冊 🎋"}
    document = escape_controls(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(document) == value
    assert strip_controls(document) == document
    assert "短冊 🎋" in document


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_a_table_loses_no_figure_however_narrow_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    terminal.console.width = width
    row = ("exch_0123456789", "a text that may be shortened a little", "12,345", "$0.00001234")
    terminal.table("T", ["id", "note", "tokens", "cost"], [row], right=2)
    out = capsys.readouterr().out
    assert all(cell in out for cell in (row[0], row[2], row[3]))
    assert "a text that may" in " ".join(out.split())
    assert max(len(line) for line in out.splitlines()) <= width
