"""A shelf: keyed rows of bytes that other rooms keep beside the exchanges (batches, files).

A shelf has a file of its own. The ledger's is append-only and its one writer must never wait, while
a shelf replaces and drops rows and may take hundreds of megabytes at a time, which would hold the
lock on a shared file for seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ShelfRow:
    """`kind` and `id` name what is kept, `part` one piece of it (from 0). `facts` is JSON.

    Times are Unix seconds. A row without `expires_at` stays until it is dropped.
    """

    kind: str
    id: str
    created_at: float
    part: int = 0
    facts: bytes = b"{}"
    body: bytes = b""
    expires_at: float | None = None


class Shelf(Protocol):
    """What keeps rows. Every call may be made from any event loop; LedgerError when storage fails
    or the shelf is closed."""

    async def put(self, *rows: ShelfRow) -> None:
        """Keep all of `rows` or none. A row of the same kind, id and part is replaced."""
        ...

    async def get(self, kind: str, id: str, part: int = 0) -> ShelfRow | None:
        """The row, or None."""
        ...

    async def read_all(self, kind: str) -> list[ShelfRow]:
        """All rows of a kind with empty bodies, in the order they were first put."""
        ...

    async def drop(self, kind: str, id: str) -> None:
        """Forget all parts of what `kind` and `id` name; nothing when there are none."""
        ...

    async def purge(self, now: float) -> None:
        """Drop the rows whose `expires_at` has come."""
        ...

    def close(self) -> None:
        """Give everything back. May be called again."""
        ...


class MemoryShelf:
    """Rows in this process's memory, gone with it."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, int], ShelfRow] = {}

    async def put(self, *rows: ShelfRow) -> None:
        for row in rows:
            self._rows[row.kind, row.id, row.part] = row

    async def get(self, kind: str, id: str, part: int = 0) -> ShelfRow | None:
        return self._rows.get((kind, id, part))

    async def read_all(self, kind: str) -> list[ShelfRow]:
        return [replace(row, body=b"") for row in self._rows.values() if row.kind == kind]

    async def drop(self, kind: str, id: str) -> None:
        self._forget(key for key in self._rows if key[:2] == (kind, id))

    async def purge(self, now: float) -> None:
        self._forget(
            key
            for key, row in self._rows.items()
            if row.expires_at is not None and row.expires_at <= now
        )

    def close(self) -> None:
        self._rows.clear()

    def _forget(self, keys: Iterable[tuple[str, str, int]]) -> None:
        for key in list(keys):
            del self._rows[key]
