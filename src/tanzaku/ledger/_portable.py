"""Rows on their way from one engine to another: what both can hold, a few at a time."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tanzaku.ledger._database import Database, Row
from tanzaku.ledger._row import SETTLED_COLUMNS, STARTED_COLUMNS

TABLES: Final = {"started": ("seq", *STARTED_COLUMNS), "settled": ("seq", *SETTLED_COLUMNS)}
_PAGE_ROWS: Final = 500
_PAGE_BYTES: Final = 8 << 20
_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def read_pages(database: Database, table: str) -> Iterator[list[Row]]:
    """All rows of one of TABLES in their order. A page has `_PAGE_ROWS` at most, and bodies of
    `_PAGE_BYTES` unless a single one is larger."""
    columns = ", ".join(TABLES[table])
    body = TABLES[table][-1]
    seq = 0
    while sizes := database.fetch(
        f"SELECT seq, length({body}) FROM {table} WHERE seq > :seq ORDER BY seq LIMIT :most",
        {"seq": seq, "most": _PAGE_ROWS},
    ):
        last = _find_last(sizes)
        yield database.fetch(
            f"SELECT {columns} FROM {table} WHERE seq > :seq AND seq <= :last ORDER BY seq",
            {"seq": seq, "last": last},
        )
        seq = last


def _find_last(sizes: Sequence[Row]) -> int:
    last, total = int(sizes[0][0]), 0
    for seq, size in sizes:
        total += size
        if total > _PAGE_BYTES:
            break
        last = int(seq)
    return last


def clean_row(columns: Sequence[str], row: Row) -> Row:
    """The row as both engines can hold it: PostgreSQL's texts have no NUL, and its JSON neither that
    nor half a character. Either becomes `?`."""
    values = [
        value.replace("\0", "?") if isinstance(value, str) and "\0" in value else value
        for value in row
    ]
    if "labels" in columns:
        at = columns.index("labels")
        if _ESCAPE.search(values[at]):
            values[at] = _clean_labels(values[at])
    return tuple(values)


def _clean_labels(document: str) -> str:
    labels: dict[str, Any] = json.loads(document)
    return json.dumps({_repair(name): _repair(value) for name, value in labels.items()})


def _repair(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "?")
