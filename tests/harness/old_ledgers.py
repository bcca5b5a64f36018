"""Ledgers as released versions of Tanzaku wrote them: by hand, not by the code under test."""

from pathlib import Path

import apsw

_TABLES = """
CREATE TABLE started (seq INTEGER PRIMARY KEY, exchange_id TEXT NOT NULL UNIQUE,
  started_at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, model TEXT,
  is_stream INTEGER NOT NULL, api_version TEXT, reserved_picousd INTEGER, labels TEXT NOT NULL,
  request_headers TEXT NOT NULL, request_body BLOB NOT NULL) STRICT;
CREATE TABLE settled (seq INTEGER PRIMARY KEY REFERENCES started (seq), settled_at REAL NOT NULL,
  status INTEGER NOT NULL, route TEXT NOT NULL, rule TEXT, request_id TEXT, response_model TEXT,
  stop_reason TEXT, input_tokens INTEGER, output_tokens INTEGER, cache_write_tokens INTEGER,
  cache_read_tokens INTEGER, cost_picousd INTEGER, unpriced TEXT, error_type TEXT,
  error_message TEXT, ttft_ms REAL, total_ms REAL NOT NULL, usage TEXT, cost_parts_usd TEXT,
  attempts TEXT NOT NULL, response_headers TEXT NOT NULL, response_body BLOB NOT NULL) STRICT;
CREATE TRIGGER started_keeps_rows BEFORE DELETE ON started
  BEGIN SELECT RAISE(ABORT, 'started is append-only'); END;
CREATE TRIGGER started_keeps_values BEFORE UPDATE ON started
  BEGIN SELECT RAISE(ABORT, 'started is append-only'); END;
CREATE TRIGGER settled_keeps_rows BEFORE DELETE ON settled
  BEGIN SELECT RAISE(ABORT, 'settled is append-only'); END;
CREATE TRIGGER settled_keeps_values BEFORE UPDATE ON settled
  BEGIN SELECT RAISE(ABORT, 'settled is append-only'); END;
PRAGMA application_id = 1415203669;
"""
_ROWS = """
INSERT INTO started VALUES (1, 'exch_old', 1763850000.0, 'POST', '/v1/messages', 'claude-haiku-4-5',
  0, '2023-06-01', 5000000000, '{}', '[["accept","*/*"]]', x'7b7d');
INSERT INTO settled (seq, settled_at, status, route, input_tokens, cost_picousd, total_ms, usage,
  cost_parts_usd, attempts, response_headers, response_body)
  VALUES (1, 1763850001.0, 200, 'simulator', 7, 1230000, 9.5, '{"input_tokens":7}',
  '{"input":"0.00000123"}', '[["simulator",1763850000.0,9.0,200,null]]', '[]', x'00ff');
INSERT INTO started VALUES (2, 'exch_cut', 1763850002.0, 'POST', '/v1/messages', NULL,
  1, NULL, NULL, '{"run":"r1"}', '[]', x'');
"""
SCHEMAS = {
    1: _TABLES + "PRAGMA user_version = 1;",
    2: _TABLES
    + "CREATE VIEW exchange AS SELECT * FROM started LEFT JOIN settled USING (seq);"
    + "PRAGMA user_version = 2;",
}


def write_old_ledger(path: Path, version: int) -> bytes:
    """A ledger with one exchange that ended (`exch_old`) and one that was cut off (`exch_cut`)."""
    return write_database(path, SCHEMAS[version] + _ROWS)


def write_large_ledger(path: Path, version: int, exchanges: int) -> set[str]:
    """A ledger of so many settled exchanges with 600 bytes each way; their ids."""
    write_database(path, f"PRAGMA journal_mode = wal; {SCHEMAS[version]}")
    ids = [f"exch_{number:08d}" for number in range(exchanges)]
    connection = apsw.Connection(str(path))
    with connection:
        connection.executemany(
            "INSERT INTO started VALUES (?, ?, 0, 'POST', '/', NULL, 0, NULL, NULL, '{}', '[]', "
            "zeroblob(600))",
            enumerate(ids, start=1),
        )
        connection.execute(
            "INSERT INTO settled (seq, settled_at, status, route, total_ms, attempts, "
            "response_headers, response_body) "
            "SELECT seq, 0, 200, 'simulator', 1, '[]', '[]', zeroblob(600) FROM started"
        )
    connection.close()
    return set(ids)


def write_database(path: Path, script: str) -> bytes:
    """The bytes of the file that `script` makes."""
    connection = apsw.Connection(str(path))
    connection.execute(script).fetchall()
    connection.close()
    return path.read_bytes()
