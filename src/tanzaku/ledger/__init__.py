"""Keeping: exchanges in one SQLite file or a PostgreSQL database, durable before the last byte leaves."""

from tanzaku.ledger._backup import Verdict, back_up, restore, verify
from tanzaku.ledger._engine import Place
from tanzaku.ledger._export import FORMATS, export
from tanzaku.ledger._ledger import Ledger, LedgerReader
from tanzaku.ledger._privacy import PRIVACIES, Privacy
from tanzaku.ledger._prune import Retention
from tanzaku.ledger._query import CostRow, Filters, Grouping
from tanzaku.ledger._reconcile import RECONCILED
from tanzaku.ledger._settings import LedgerSettings, Policy
from tanzaku.ledger._shelf import MemoryShelf, Shelf, ShelfRow
from tanzaku.ledger._shelf_file import FileShelf
from tanzaku.ledger._sqlite import SqliteVerdict, sqlite_verdict
from tanzaku.ledger.errors import LedgerError

__all__ = [
    "FORMATS",
    "PRIVACIES",
    "RECONCILED",
    "CostRow",
    "FileShelf",
    "Filters",
    "Grouping",
    "Ledger",
    "LedgerError",
    "LedgerReader",
    "LedgerSettings",
    "MemoryShelf",
    "Place",
    "Policy",
    "Privacy",
    "Retention",
    "Shelf",
    "ShelfRow",
    "SqliteVerdict",
    "Verdict",
    "back_up",
    "export",
    "restore",
    "sqlite_verdict",
    "verify",
]
