"""Keeping: exchanges in one SQLite file, durable before the last byte leaves."""

from tanzaku.ledger._ledger import Ledger, LedgerReader
from tanzaku.ledger._query import CostRow
from tanzaku.ledger._sqlite import SqliteVerdict, sqlite_verdict
from tanzaku.ledger.errors import LedgerError

__all__ = [
    "CostRow",
    "Ledger",
    "LedgerError",
    "LedgerReader",
    "SqliteVerdict",
    "sqlite_verdict",
]
