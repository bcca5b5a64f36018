"""The terminal's style: one palette, one kind of table. rich is imported on first use (74 ms)."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    pass

_PIPED_WIDTH = 200

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
        from rich.console import Console

        self.console: Console = Console(stderr=to_stderr, highlight=False, markup=False)
        if not self.console.is_terminal:
            self.console.width = _PIPED_WIDTH

    def line(self, text: str = "", tone: Tone = "plain") -> None:
        """One line; control characters of foreign text are made harmless."""
        self.console.print(strip_controls(text), style=_STYLES[tone] or None, soft_wrap=True)

    def piece(self, text: str) -> None:
        """Text without a line end, for answers that arrive in pieces."""
        self.console.print(strip_controls(text), end="", soft_wrap=True)

    def table(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = 0
    ) -> None:
        """A table; the last `right` columns hold figures and are aligned to the right.

        Where the terminal is too narrow, text columns after the first are shortened, never the
        first column or a figure.
        """
        from rich import box
        from rich.cells import cell_len
        from rich.table import Table

        shown = [[strip_controls(cell) for cell in row] for row in rows]
        table: Table = Table(
            title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False
        )
        first_figure = len(columns) - right
        for index, column in enumerate(columns):
            is_figure = index >= first_figure
            widths = (cell_len(row[index]) for row in shown)
            table.add_column(
                column,
                justify="right" if is_figure else "left",
                no_wrap=True,
                min_width=max(widths, default=0) if is_figure or index == 0 else None,
            )
        for row in shown:
            table.add_row(*row)
        self.console.print(table)


def strip_controls(text: str) -> str:
    """`text` without characters that steer a terminal: C0 and C1 controls except line feed and
    tab, and bidirectional marks, embeddings, overrides and isolates."""
    return text.translate(_STEERING)


_STEERING = dict.fromkeys(
    [
        *(code for code in range(0x20) if chr(code) not in "\n\t"),
        *range(0x7F, 0xA0),
        *(0x200E, 0x200F, 0x061C),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
)
