"""The schema as numbered migrations; `PRAGMA user_version` says which were applied."""

from collections.abc import Sequence
from pathlib import Path

import apsw

from tanzaku.core import Clock, UserError, format_rfc3339
from tanzaku.ledger._database import explain_newer
from tanzaku.ledger._row import SETTLED_FACTS, STARTED_FACTS
from tanzaku.ledger._sqlite import APPLICATION_ID, copy_database

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
_GUARDS = "".join(
    f"CREATE TRIGGER {table}_keeps_{what} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
    for table in ("started", "settled")
    for what, verb in (("rows", "DELETE"), ("values", "UPDATE"))
)
_VIEW = """
CREATE VIEW exchange AS SELECT * FROM started LEFT JOIN settled USING (seq);
"""

# `mark` says up to which number exchanges are known to be settled, were taken out (pruned) or lost
# their bodies (emptied): what a guard lets pass must have been declared there first, for good.
_MARKS = "".join(
    (
        "CREATE TABLE mark (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;"
        "INSERT INTO mark VALUES ('settled', 0), ('pruned', 0), ('emptied', 0);"
        "CREATE TRIGGER mark_stays BEFORE DELETE ON mark "
        "BEGIN SELECT RAISE(ABORT, 'mark is append-only'); END;"
        "CREATE TRIGGER mark_grows BEFORE UPDATE ON mark "
        "WHEN NEW.name != OLD.name OR NEW.seq < OLD.seq "
        "BEGIN SELECT RAISE(ABORT, 'mark only grows'); END;"
        "CREATE TABLE gap (noted_at REAL NOT NULL, exchanges INTEGER NOT NULL, "
        "reason TEXT NOT NULL) STRICT;"
        "CREATE TABLE probe (body BLOB NOT NULL) STRICT;",
        *(
            f"DROP TRIGGER IF EXISTS {table}_keeps_rows; DROP TRIGGER IF EXISTS {table}_keeps_values;"
            f"CREATE TRIGGER {table}_keeps_rows BEFORE DELETE ON {table} "
            "WHEN OLD.seq > (SELECT seq FROM mark WHERE name = 'pruned') "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
            f"CREATE TRIGGER {table}_keeps_bodies BEFORE UPDATE ON {table} "
            "WHEN OLD.seq > (SELECT seq FROM mark WHERE name = 'emptied') "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
            f"CREATE TRIGGER {table}_keeps_values BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
            for table, columns in (("started", STARTED_FACTS), ("settled", SETTLED_FACTS))
        ),
    )
)

MIGRATIONS = (_TABLES + _GUARDS, _VIEW, _MARKS)


def check_schema(connection: apsw.Connection, path: Path) -> int:
    """The file's schema version, 0 for a new file.

    Raises UserError for what is not a ledger and for a ledger newer than this Tanzaku.
    """
    version = read_schema_version(connection, APPLICATION_ID)
    if version is None:
        raise refuse_foreign(path)
    if version > len(MIGRATIONS):
        raise explain_newer(str(path), version, len(MIGRATIONS))
    return version


def migrate(connection: apsw.Connection, path: Path, clock: Clock) -> None:
    """Bring the file to the newest schema in one transaction.

    A file that holds an older schema is copied first, to `<name>.v<version>-<time>.backup`.
    """
    version = check_schema(connection, path)
    if 0 < version < len(MIGRATIONS):
        stamp = format_rfc3339(clock.now()).replace(":", "").replace("-", "")
        copy_database(connection, path.with_name(f"{path.name}.v{version}-{stamp}.backup"))
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
    """Bring a file from `version` to the newest schema, in one transaction."""
    if version == len(scripts):
        return
    with connection:
        for script in scripts[version:]:
            connection.execute(script)
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.execute(f"PRAGMA user_version = {len(scripts)}")


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
