"""What can be asked of a ledger, on one reading connection."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any, Literal, TypedDict

import apsw

from tanzaku.core import UserError
from tanzaku.exchange import Exchange
from tanzaku.ledger._row import (
    SETTLED_COLUMNS,
    STARTED_COLUMNS,
    from_picousd,
    read_exchange,
    storable,
    to_picousd,
)

MAX_LIMIT = 1000
_MIN_PREFIX = 6
_SHOWN_CANDIDATES = 5
_MEGA = 1_000_000

_ALL_COLUMNS = STARTED_COLUMNS + SETTLED_COLUMNS
_LIGHT_COLUMNS = tuple(name for name in _ALL_COLUMNS if not name.endswith(("_headers", "_body")))
_GROUPS = {
    "model": "coalesce(response_model, model, '-')",
    "day": "date(started_at, 'unixepoch')",
    "route": "coalesce(route, '-')",
    "key": "coalesce(labels ->> '$.key', '-')",
    "team": "coalesce(labels ->> '$.team', '-')",
    "tag": "coalesce(labels ->> '$.tags', '-')",
}
type Grouping = Literal["model", "day", "route", "key", "team", "tag"]
_SUMS = f"""
    count(*),
    count(*) - count(settled_at),
    count(*) FILTER (WHERE error_type IS NOT NULL OR status >= 400),
    count(unpriced),
    coalesce(sum(input_tokens), 0),
    coalesce(sum(output_tokens), 0),
    coalesce(sum(cache_write_tokens), 0),
    coalesce(sum(cache_read_tokens), 0),
    coalesce(sum(cost_picousd / {_MEGA}), 0),
    coalesce(sum(cost_picousd % {_MEGA}), 0)
"""


@dataclass(frozen=True, slots=True)
class CostRow:
    """A sum over exchanges: how many, how many tokens, how many dollars.

    `key` is a model id, a route, a UTC day `2026-11-23` or `total`; `-` where there is none yet.
    `unsettled` of the `exchanges` were cut off or are under way; `errors` answered with one;
    `unpriced` had usage whose price is not known, so `total_usd` lacks it. Tokens are those of
    `usage`: `input_tokens` does not hold cache writes and reads.
    """

    key: str
    exchanges: int
    unsettled: int
    errors: int
    unpriced: int
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    total_usd: Decimal

    def to_json(self) -> dict[str, Any]:
        """The same keys, the dollars as a string in plain digits."""
        return {**asdict(self), "total_usd": f"{self.total_usd:f}"}


_SUM_FIELDS = [field.name for field in fields(CostRow) if field.name != "total_usd"]


class Conditions(TypedDict, total=False):
    """The same names as those of Filters."""

    model: str | None
    route: str | None
    status: int | None
    since: float | None
    until: float | None
    key: str | None
    team: str | None
    tag: str | None
    failed: bool
    error: str | None
    min_usd: Decimal | None
    least_ms: float | None


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that all must hold; None is no condition.

    `model` is the one asked for or the one that answered; `since` <= start < `until`, Unix seconds;
    `key` is a virtual key's id.
    `failed` asks for what ended in an error, `error` for one of that type, `unsettled` for what has
    not ended; `min_usd` for what cost at least that, `least_ms` for what took so long.
    """

    model: str | None = None
    route: str | None = None
    status: int | None = None
    since: float | None = None
    until: float | None = None
    key: str | None = None
    team: str | None = None
    tag: str | None = None
    failed: bool = False
    unsettled: bool = False
    error: str | None = None
    min_usd: Decimal | None = None
    least_ms: float | None = None

    def render(self) -> tuple[str, dict[str, Any]]:
        """The SQL condition and its named parameters."""
        conditions = {
            "model": "(model = :model OR response_model = :model)",
            "route": "route = :route",
            "status": "status = :status",
            "since": "started_at >= :since",
            "until": "started_at < :until",
            "key": "labels ->> '$.key' = :key",
            "team": "labels ->> '$.team' = :team",
            "tag": "instr(',' || (labels ->> '$.tags') || ',', ',' || :tag || ',') > 0",
            "unsettled": "(settled_at IS NULL) = :unsettled",
            "failed": "(error_type IS NOT NULL OR status >= 400) = :failed",
            "error": "error_type = :error",
            "min_usd": "cost_picousd >= :min_usd",
            "least_ms": "total_ms >= :least_ms",
        }
        values = {
            "model": storable(self.model),
            "route": storable(self.route),
            "status": self.status,
            "since": self.since,
            "until": self.until,
            "key": storable(self.key),
            "team": storable(self.team),
            "tag": storable(self.tag),
            "failed": self.failed or None,
            "unsettled": self.unsettled or None,
            "error": storable(self.error),
            "min_usd": None if self.min_usd is None else to_picousd(self.min_usd),
            "least_ms": self.least_ms,
        }
        given = {name: value for name, value in values.items() if value is not None}
        return " AND ".join(["1", *(conditions[name] for name in given)]), given


def list_exchanges(
    connection: apsw.Connection, filters: Filters, limit: int, before: str | None
) -> list[Exchange]:
    if not 1 <= limit <= MAX_LIMIT:
        raise UserError("limit must be 1 to {most}, not {limit}.", most=MAX_LIMIT, limit=limit)
    where, values = filters.render()
    if before is not None:
        values["before"] = connection.execute(
            "SELECT seq FROM started WHERE exchange_id = ?", (storable(before),)
        ).get
        if values["before"] is None:
            raise UserError("No exchange {id!r} to list before.", id=before)
        where += " AND seq < :before"
    rows = connection.execute(
        f"SELECT {', '.join(_LIGHT_COLUMNS)} FROM exchange WHERE {where} "
        f"ORDER BY seq DESC LIMIT :limit",
        values | {"limit": limit},
    )
    return [read_exchange(_name(_LIGHT_COLUMNS, row)) for row in rows]


def list_after(
    connection: apsw.Connection, seq: int, filters: Filters
) -> list[tuple[int, Exchange]]:
    where, values = filters.render()
    rows = connection.execute(
        f"SELECT seq, {', '.join(_LIGHT_COLUMNS)} FROM exchange WHERE seq > :seq AND {where} "
        f"ORDER BY seq LIMIT {MAX_LIMIT}",
        values | {"seq": seq},
    )
    return [(row[0], read_exchange(_name(_LIGHT_COLUMNS, row[1:]))) for row in rows]


def get_exchange(connection: apsw.Connection, exchange_id: str) -> Exchange:
    exchange_id = exchange_id.encode("utf-8", "replace").decode()
    select = f"SELECT {', '.join(_ALL_COLUMNS)} FROM exchange WHERE exchange_id = ?"
    row = connection.execute(select, (exchange_id,)).fetchone()
    if row is None:
        row = connection.execute(select, (_complete_id(connection, exchange_id),)).fetchone()
    assert row is not None
    return read_exchange(_name(_ALL_COLUMNS, row))


def sum_costs(connection: apsw.Connection, by: Grouping, filters: Filters) -> list[CostRow]:
    where, values = filters.render()
    rows = connection.execute(
        f"SELECT {_GROUPS[by]} AS key, {_SUMS} FROM exchange WHERE {where} "
        "GROUP BY key ORDER BY key",
        values,
    )
    sums = [_read_sum(row) for row in rows]
    return _split_tags(sums) if by == "tag" else sums


def sum_all(connection: apsw.Connection, filters: Filters) -> CostRow:
    where, values = filters.render()
    row = connection.execute(
        f"SELECT 'total', {_SUMS} FROM exchange WHERE {where}", values
    ).fetchone()
    assert row is not None
    return _read_sum(row)


def count_exchanges(connection: apsw.Connection) -> int:
    # The writer numbers without gaps, and only the oldest are ever taken out.
    count = connection.execute("SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM started").get
    assert isinstance(count, int)
    return count


def find_last_seq(connection: apsw.Connection) -> int:
    seq = connection.execute("SELECT coalesce(max(seq), 0) FROM started").get
    assert isinstance(seq, int)
    return seq


def _read_sum(row: tuple[Any, ...]) -> CostRow:
    values = dict(zip(_SUM_FIELDS, row[:-2], strict=True))
    millions, rest = row[-2:]
    return CostRow(**values, total_usd=from_picousd(millions * _MEGA + rest))


def _split_tags(sums: list[CostRow]) -> list[CostRow]:
    """Sums of `a,b` and `a` as sums of `a` and `b`."""
    by_tag: dict[str, CostRow] = {}
    for row in sums:
        for tag in row.key.split(","):
            before = by_tag.get(tag)
            by_tag[tag] = replace(row, key=tag) if before is None else _add(before, row)
    return sorted(by_tag.values(), key=lambda row: row.key)


def _add(one: CostRow, other: CostRow) -> CostRow:
    sums = {
        field.name: getattr(one, field.name) + getattr(other, field.name)
        for field in fields(CostRow)
        if field.name != "key"
    }
    return CostRow(one.key, **sums)


def _complete_id(connection: apsw.Connection, prefix: str) -> str:
    found: list[str] = []
    if len(prefix) >= _MIN_PREFIX:
        found = (
            connection.execute(
                "SELECT exchange_id FROM started WHERE exchange_id >= ?1 "
                "AND exchange_id < ?1 || char(1114111) ORDER BY exchange_id LIMIT ?2",
                (prefix, _SHOWN_CANDIDATES + 1),
            ).get
            or []
        )
        found = [found] if isinstance(found, str) else found
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            "No exchange {id!r} in the ledger.",
            hint="`tanzaku log` lists them; the first {least} characters or more will do.",
            id=prefix,
            least=_MIN_PREFIX,
        )
    shown = ", ".join(found[:_SHOWN_CANDIDATES])
    more = ", …" if len(found) > _SHOWN_CANDIDATES else ""
    raise UserError(
        "Several exchanges begin with {id!r}: {candidates}",
        hint="Give more characters.",
        id=prefix,
        candidates=shown + more,
    )


def _name(columns: tuple[str, ...], row: tuple[Any, ...]) -> Mapping[str, Any]:
    return dict(zip(columns, row, strict=True))
