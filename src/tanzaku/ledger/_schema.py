"""The schema as numbered migrations; `PRAGMA user_version` says which were applied."""

import os
from collections.abc import Sequence
from pathlib import Path

import apsw

from tanzaku.core import Clock, UserError, format_rfc3339
from tanzaku.ledger._sqlite import APPLICATION_ID

_TABLES = """
CREATE TABLE started (
    seq INTEGER PRIMARY KEY,
    exchange_id TEXT NOT NULL UNIQUE,
    started_at REAL NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    model TEXT,
    is_stream INTEGER NOT NULL,
    api_version TEXT,
    reserved_picousd INTEGER,
    labels TEXT NOT NULL,
    request_headers TEXT NOT NULL,
    request_body BLOB NOT NULL
) STRICT;
CREATE TABLE settled (
    seq INTEGER PRIMARY KEY REFERENCES started (seq),
    settled_at REAL NOT NULL,
    status INTEGER NOT NULL,
    route TEXT NOT NULL,
    rule TEXT,
    request_id TEXT,
    response_model TEXT,
    stop_reason TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cache_write_tokens INTEGER,
    cache_read_tokens INTEGER,
    cost_picousd INTEGER,
    unpriced TEXT,
    error_type TEXT,
    error_message TEXT,
    ttft_ms REAL,
    total_ms REAL NOT NULL,
    usage TEXT,
    cost_parts_usd TEXT,
    attempts TEXT NOT NULL,
    response_headers TEXT NOT NULL,
    response_body BLOB NOT NULL
) STRICT;
"""
GUARDS = {
    f"{table}_keeps_{what}": f"CREATE TRIGGER {table}_keeps_{what} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
    for table in ("started", "settled")
    for what, verb in (("rows", "DELETE"), ("values", "UPDATE"))
}

_VIEW = """
CREATE VIEW exchange AS SELECT * FROM started LEFT JOIN settled USING (seq);
"""

MIGRATIONS = ("\n".join((_TABLES, *GUARDS.values())), _VIEW)


def check_schema(connection: apsw.Connection, path: Path) -> int:
    """The file's schema version, 0 for a new file.

    Raises UserError for what is not a ledger and for a ledger newer than this Tanzaku.
    """
    version = read_schema_version(connection, APPLICATION_ID)
    if version is None:
        raise refuse_foreign(path)
    if version > len(MIGRATIONS):
        raise UserError(
            "The ledger {path} has schema {version}; this Tanzaku knows up to {newest}.",
            hint="Upgrade Tanzaku, or choose another file with --ledger. Nothing was changed.",
            path=path,
            version=version,
            newest=len(MIGRATIONS),
        )
    return version


def migrate(connection: apsw.Connection, path: Path, clock: Clock) -> None:
    """Bring the file to the newest schema, each step in one transaction of its own.

    A file that holds an older schema is copied first, to `<name>.v<version>-<time>.backup`.
    """
    version = check_schema(connection, path)
    if 0 < version < len(MIGRATIONS):
        _back_up(connection, path, version, clock)
    run_migrations(connection, MIGRATIONS, version, APPLICATION_ID)


def read_schema_version(connection: apsw.Connection, application_id: int) -> int | None:
    """The schema version of a file of this kind, 0 for a new one; None for any other file."""
    try:
        found_id = read_pragma(connection, "application_id")
        version = read_pragma(connection, "user_version")
        is_empty = not connection.execute("SELECT count(*) FROM sqlite_schema").get
    except apsw.NotADBError:
        return None
    if found_id != application_id and not (found_id == 0 and is_empty):
        return None
    return version


def run_migrations(
    connection: apsw.Connection, scripts: Sequence[str], version: int, application_id: int
) -> None:
    """Bring a file from `version` to the newest schema, each step in a transaction of its own."""
    for number, script in enumerate(scripts[version:], start=version + 1):
        with connection:
            connection.execute(script)
            connection.execute(f"PRAGMA application_id = {application_id}")
            connection.execute(f"PRAGMA user_version = {number}")


def read_pragma(connection: apsw.Connection, name: str) -> int:
    value = connection.pragma(name)
    assert isinstance(value, int)
    return value


def refuse_foreign(path: Path) -> UserError:
    return UserError(
        "{path} is not a ledger of Tanzaku.",
        hint="Choose another file with --ledger. Nothing was changed.",
        path=path,
    )


def _back_up(connection: apsw.Connection, path: Path, version: int, clock: Clock) -> None:
    stamp = format_rfc3339(clock.now()).replace(":", "").replace("-", "")
    partial = path.with_name(f"{path.name}.partial-backup")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        connection.execute("VACUUM INTO ?", (str(partial),))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(path.with_name(f"{path.name}.v{version}-{stamp}.backup"))
