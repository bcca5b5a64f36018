"""The terminal's style: one palette, one kind of table. rich is imported on first use (74 ms), for
lines only where they have a style."""

import os
import sys
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH = 200
# rich styles what goes to a pipe or a file where one of these is set.
_FORCE_STYLE = ("FORCE_COLOR", "TTY_COMPATIBLE")
_SHORTEST_TEXT = 17
_COLUMN_GAP = 3

type Tone = Literal["plain", "good", "bad", "warn", "faint", "strong"]

_STYLES: dict[Tone, str] = {
    "plain": "",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "faint": "dim",
    "strong": "bold",
}


class Terminal:
    """Where a command speaks to a person. Text is shown as it is, never read as markup."""

    def __init__(self, *, to_stderr: bool = False) -> None:
        self._to_stderr = to_stderr

    @cached_property
    def console(self) -> "Console":
        """rich's, for what has a style or columns."""
        from rich.console import Console

        console = Console(stderr=self._to_stderr, highlight=False, markup=False)
        if not console.is_terminal:
            console.width = _PIPED_WIDTH
        return console

    @property
    def is_styled(self) -> bool:
        """Whether it has colours."""
        stream = sys.stderr if self._to_stderr else sys.stdout
        return stream.isatty() or any(os.environ.get(name) for name in _FORCE_STYLE)

    def document(self, document: str) -> None:
        """A JSON document, coloured where there are colours."""
        shown = escape_controls(document)
        if not self.is_styled:
            self.line(shown)
            return
        from rich.highlighter import JSONHighlighter
        from rich.text import Text

        text = Text(shown)
        JSONHighlighter().highlight(text)
        self.console.print(text, soft_wrap=True)

    def line(self, text: str = "", tone: Tone = "plain") -> None:
        """One line; control characters of foreign text are made harmless."""
        self._print(text, "\n", tone)

    def piece(self, text: str) -> None:
        """Text without a line end, for answers that arrive in pieces."""
        self._print(text, "", "plain")

    def _print(self, text: str, end: str, tone: Tone) -> None:
        shown = strip_controls(text)
        stream = sys.stderr if self._to_stderr else sys.stdout
        if self.is_styled:
            self.console.print(shown, end=end, style=_STYLES[tone] or None, soft_wrap=True)
            return
        try:
            print(shown, end=end, file=stream, flush=True)
        except BrokenPipeError:
            self.console.on_broken_pipe()

    def table(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = 0
    ) -> None:
        """A table; the last `right` columns hold figures and are aligned to the right.

        Where the terminal is too narrow, long texts after the first column are shortened, to
        17 cells at the least; where that is not enough, each row becomes a short paragraph.
        Nothing is cut off unseen.
        """
        from rich.cells import cell_len

        shown = [[strip_controls(cell) for cell in row] for row in rows]
        widths = [max(map(cell_len, cells)) for cells in zip(columns, *shown, strict=True)]
        first_figure = len(columns) - right
        excess = sum(widths) + _COLUMN_GAP * len(columns) - self.console.width
        for index in sorted(range(1, first_figure), key=lambda index: -widths[index]):
            cut = min(max(widths[index] - _SHORTEST_TEXT, 0), max(excess, 0))
            widths[index] -= cut
            excess -= cut
        if excess <= 0:
            self._print_table(title, columns, shown, widths, first_figure)
        else:
            self._print_paragraphs(title, columns, shown)

    def _print_table(
        self,
        title: str,
        columns: Sequence[str],
        rows: list[list[str]],
        widths: list[int],
        first_figure: int,
    ) -> None:
        from rich import box
        from rich.table import Table

        table: Table = Table(
            title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False
        )
        for index, column in enumerate(columns):
            justify: Literal["left", "right"] = "right" if index >= first_figure else "left"
            table.add_column(column, justify=justify, no_wrap=True, width=widths[index])
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    def _print_paragraphs(self, title: str, columns: Sequence[str], rows: list[list[str]]) -> None:
        from rich.padding import Padding
        from rich.text import Text

        self.console.print(title, style="bold")
        for first, *rest in rows:
            self.console.print(first, style="bold", soft_wrap=True)
            cells = [
                f"{column}\u00a0{cell}" for column, cell in zip(columns[1:], rest, strict=True)
            ]
            self.console.print(Padding(Text(" · ".join(cells)), (0, 0, 0, 2)))


def strip_controls(text: str) -> str:
    """`text` without characters that steer a terminal: C0 and C1 controls except line feed and
    tab, and bidirectional marks, embeddings, overrides and isolates."""
    return text.translate(_STEERING)


def escape_controls(document: str) -> str:
    """A JSON document with those characters as `\\uXXXX`: the same value, safe to show."""
    return document.translate(_ESCAPES)


_STEERING = dict.fromkeys(
    [
        *(code for code in range(0x20) if chr(code) not in "\n\t"),
        *range(0x7F, 0xA0),
        *(0x200E, 0x200F, 0x061C),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
)
_ESCAPES = {code: f"\\u{code:04x}" for code in _STEERING}
