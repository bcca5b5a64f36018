"""A ledger's exchanges as files for other programs: JSONL, CSV, Parquet; page by page."""

import csv
import json
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final, Literal

from tanzaku.core import UserError
from tanzaku.exchange import Exchange, exchange_to_json
from tanzaku.ledger._ledger import LedgerReader
from tanzaku.ledger._query import Filters

type Format = Literal["jsonl", "csv", "parquet"]
FORMATS: Final = ("jsonl", "csv", "parquet")
_COLUMNS: Final = (
    "exchange_id", "started_at", "method", "path", "query", "model", "is_stream", "api_version",
    "reserved_usd", "key", "team", "owner", "tags", "settled_at", "status", "route", "rule",
    "request_id", "response_model", "stop_reason", "input_tokens", "output_tokens",
    "cache_write_tokens", "cache_read_tokens", "cost_usd", "unpriced", "error_type",
    "error_message", "ttft_ms", "total_ms",
)  # fmt: skip
_KINDS: Final = {
    "is_stream": bool, "reserved_usd": Decimal, "cost_usd": Decimal, "status": int, "input_tokens": int, "output_tokens": int, "cache_write_tokens": int,
    "cache_read_tokens": int, "ttft_ms": float, "total_ms": float,
}  # fmt: skip
# A spreadsheet would run a cell that begins with one of these.
_RUNNABLE: Final = ("=", "+", "-", "@", "\t", "\r")
_ROWS_A_GROUP: Final = 10_000


def export(
    reader: LedgerReader, filters: Filters, form: Format, target: Path, *, with_bodies: bool = False
) -> int:
    """Write what meets `filters` to `target`, oldest first; how many exchanges. Only JSONL can hold
    headers and bodies. UserError when the file exists or cannot be written, and for Parquet without
    its package."""
    if target.exists():
        raise UserError(
            "{path} exists already.", hint="Choose another name; nothing was written.", path=target
        )
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        # As private as the ledger.
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if form == "parquet":
            count = _write_parquet(_iterate(reader, filters), partial)
        else:
            write = _WRITERS[form]
            with partial.open("w", encoding="utf-8", newline="") as file:
                found = _iterate(reader, filters, with_bodies=with_bodies and form == "jsonl")
                count = write(found, file)
        partial.replace(target)
    except OSError as error:
        raise UserError(
            "{path} cannot be written: {reason}",
            hint="Check that its folder exists, may be written and has room.",
            path=target,
            reason=error.strerror,
        ) from error
    finally:
        if partial.exists():
            partial.unlink()
    return count


def _iterate(
    reader: LedgerReader, filters: Filters, *, with_bodies: bool = False
) -> Iterator[Exchange]:
    seq = 0
    while page := reader.list_after(seq, filters):
        for _, exchange in page:
            yield reader.get_exchange(exchange.exchange_id) if with_bodies else exchange
        seq = page[-1][0]


def _write_jsonl(exchanges: Iterator[Exchange], file: IO[str]) -> int:
    count = 0
    for exchange in exchanges:
        count += 1
        with_bodies = bool(exchange.request_headers or exchange.request_body)
        document = exchange_to_json(exchange, with_bodies=with_bodies)
        file.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
    return count


def _write_csv(exchanges: Iterator[Exchange], file: IO[str]) -> int:
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    count = 0
    for exchange in exchanges:
        count += 1
        writer.writerow([_guard(value) for value in _flatten(exchange)])
    return count


_WRITERS: Final[dict[str, Callable[[Iterator[Exchange], IO[str]], int]]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
}


def _write_parquet(exchanges: Iterator[Exchange], target: Path) -> int:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UserError(
            "Parquet needs the package pyarrow.", hint="pip install 'tanzaku[parquet]'"
        ) from error
    types = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), Decimal: pa.decimal128(38, 12)}
    schema = pa.schema([(name, types.get(_KINDS.get(name, str), pa.string())) for name in _COLUMNS])
    count = 0
    with pq.ParquetWriter(target, schema) as writer:
        rows: list[dict[str, Any]] = []
        for exchange in exchanges:
            count += 1
            rows.append(_type(dict(zip(_COLUMNS, _flatten(exchange), strict=True))))
            if len(rows) == _ROWS_A_GROUP:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema))
    return count


def _type(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Decimal(value) if value is not None and _KINDS.get(name) is Decimal else value
        for name, value in row.items()
    }


def _flatten(exchange: Exchange) -> list[Any]:
    """The values of _COLUMNS."""
    document = exchange_to_json(exchange)
    usage = document["usage"] or {}
    error = document["error"] or {}
    labels = exchange.labels
    values = {
        **document,
        **{name: labels.get(name) for name in ("key", "team", "owner", "tags")},
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cache_write_tokens": usage.get("cache_creation_input_tokens"),
        "cache_read_tokens": usage.get("cache_read_input_tokens"),
        "error_type": error.get("type"),
        "error_message": error.get("message"),
    }
    return [values[name] for name in _COLUMNS]


def _guard(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_RUNNABLE):
        return f"'{value}"
    return value
