"""Keeping: exchanges in one SQLite file, durable before the last byte leaves."""

from tanzaku.ledger._ledger import Ledger, LedgerReader
from tanzaku.ledger._query import CostRow, Filters, Grouping
from tanzaku.ledger._shelf import MemoryShelf, Shelf, ShelfRow
from tanzaku.ledger._shelf_file import FileShelf
from tanzaku.ledger._sqlite import SqliteVerdict, sqlite_verdict
from tanzaku.ledger.errors import LedgerError

__all__ = [
    "CostRow",
    "FileShelf",
    "Filters",
    "Grouping",
    "Ledger",
    "LedgerError",
    "LedgerReader",
    "MemoryShelf",
    "Shelf",
    "ShelfRow",
    "SqliteVerdict",
    "sqlite_verdict",
]
