"""Which engine keeps a ledger: that follows from its place."""

from pathlib import Path

from tanzaku.ledger._database import Engine
from tanzaku.ledger._file import FileEngine

type Place = Path | str
"""Where a ledger is: a file, or the URL `postgresql://user@host/database`."""


def find_engine(place: Place) -> Engine:
    """The engine that keeps the ledger at `place`. UserError for a URL that is none."""
    if isinstance(place, Path):
        return FileEngine(place)
    # Its driver takes 60 ms to load and is an extra.
    from tanzaku.ledger._postgres import PostgresEngine

    return PostgresEngine(place)
