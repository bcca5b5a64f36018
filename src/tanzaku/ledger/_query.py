"""What can be asked of a ledger, on one connection of whichever engine."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any, Literal, TypedDict

from tanzaku.core import UserError
from tanzaku.exchange import Exchange
from tanzaku.ledger._database import Database, Dialect
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
    "day": "{day}",
    "route": "coalesce(route, '-')",
    "key": "coalesce(labels ->> 'key', '-')",
    "team": "coalesce(labels ->> 'team', '-')",
    "tag": "coalesce(labels ->> 'tags', '-')",
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

    def render(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """The SQL condition and its named parameters."""
        conditions = {
            "model": "(model = :model OR response_model = :model)",
            "route": "route = :route",
            "status": "status = :status",
            "since": "started_at >= :since",
            "until": "started_at < :until",
            "key": "labels ->> 'key' = :key",
            "team": "labels ->> 'team' = :team",
            "tag": f"{dialect.find}(',' || (labels ->> 'tags') || ',', :tag) > 0",
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
            "tag": None if self.tag is None else storable(f",{self.tag},"),
            "failed": self.failed or None,
            "unsettled": self.unsettled or None,
            "error": storable(self.error),
            "min_usd": None if self.min_usd is None else to_picousd(self.min_usd),
            "least_ms": self.least_ms,
        }
        given = {name: value for name, value in values.items() if value is not None}
        return " AND ".join(["1 = 1", *(conditions[name] for name in given)]), given


def list_exchanges(
    database: Database, filters: Filters, limit: int, before: str | None
) -> list[Exchange]:
    if not 1 <= limit <= MAX_LIMIT:
        raise UserError("limit must be 1 to {most}, not {limit}.", most=MAX_LIMIT, limit=limit)
    where, values = filters.render(database.dialect)
    if before is not None:
        found = database.fetch(
            "SELECT seq FROM started WHERE exchange_id = :id", {"id": storable(before)}
        )
        if not found:
            raise UserError("No exchange {id!r} to list before.", id=before)
        values["before"] = found[0][0]
        where += " AND seq < :before"
    rows = database.fetch(
        f"SELECT {', '.join(_LIGHT_COLUMNS)} FROM exchange WHERE {where} "
        f"ORDER BY seq DESC LIMIT :limit",
        values | {"limit": limit},
    )
    return [read_exchange(_name(_LIGHT_COLUMNS, row)) for row in rows]


def list_after(database: Database, seq: int, filters: Filters) -> list[tuple[int, Exchange]]:
    where, values = filters.render(database.dialect)
    rows = database.fetch(
        f"SELECT seq, {', '.join(_LIGHT_COLUMNS)} FROM exchange WHERE seq > :seq AND {where} "
        f"ORDER BY seq LIMIT {MAX_LIMIT}",
        values | {"seq": seq},
    )
    return [(row[0], read_exchange(_name(_LIGHT_COLUMNS, row[1:]))) for row in rows]


def get_exchange(database: Database, exchange_id: str) -> Exchange:
    exchange_id = exchange_id.encode("utf-8", "replace").decode()
    select = f"SELECT {', '.join(_ALL_COLUMNS)} FROM exchange WHERE exchange_id = :id"
    rows = database.fetch(select, {"id": exchange_id})
    if not rows:
        rows = database.fetch(select, {"id": _complete_id(database, exchange_id)})
    return read_exchange(_name(_ALL_COLUMNS, rows[0]))


def sum_costs(database: Database, by: Grouping, filters: Filters) -> list[CostRow]:
    where, values = filters.render(database.dialect)
    key = _GROUPS[by].format(day=database.dialect.day)
    rows = database.fetch(
        f"SELECT {key} AS key, {_SUMS} FROM exchange WHERE {where} GROUP BY 1", values
    )
    sums = [_read_sum(row) for row in rows]
    return sorted(_split_tags(sums) if by == "tag" else sums, key=lambda row: row.key)


def sum_all(database: Database, filters: Filters) -> CostRow:
    where, values = filters.render(database.dialect)
    (row,) = database.fetch(f"SELECT 'total', {_SUMS} FROM exchange WHERE {where}", values)
    return _read_sum(row)


def count_exchanges(database: Database) -> int:
    # The writer numbers without gaps, and only the oldest are ever taken out.
    ((count,),) = database.fetch("SELECT coalesce(max(seq) - min(seq) + 1, 0) FROM started")
    return int(count)


def count_gaps(database: Database) -> int:
    ((count,),) = database.fetch("SELECT coalesce(sum(exchanges), 0) FROM gap")
    return int(count)


def find_last_seq(database: Database) -> int:
    """The number given last; also where retention has taken all rows out since."""
    ((seq,),) = database.fetch(
        "SELECT max(seq) FROM (SELECT max(seq) AS seq FROM started "
        "UNION ALL SELECT seq FROM mark WHERE name = 'pruned') AS numbers"
    )
    return int(seq or 0)


def _read_sum(row: tuple[Any, ...]) -> CostRow:
    # PostgreSQL adds whole numbers up to decimals.
    key, *sums, millions, rest = row[0], *(int(value) for value in row[1:])
    values = dict(zip(_SUM_FIELDS, (key, *sums), strict=True))
    return CostRow(**values, total_usd=from_picousd(millions * _MEGA + rest))


def _split_tags(sums: list[CostRow]) -> list[CostRow]:
    """Sums of `a,b` and `a` as sums of `a` and `b`."""
    by_tag: dict[str, CostRow] = {}
    for row in sums:
        for tag in row.key.split(","):
            before = by_tag.get(tag)
            by_tag[tag] = replace(row, key=tag) if before is None else _add(before, row)
    return list(by_tag.values())


def _add(one: CostRow, other: CostRow) -> CostRow:
    sums = {
        field.name: getattr(one, field.name) + getattr(other, field.name)
        for field in fields(CostRow)
        if field.name != "key"
    }
    return CostRow(one.key, **sums)


def _complete_id(database: Database, prefix: str) -> str:
    found: list[str] = []
    if len(prefix) >= _MIN_PREFIX:
        rows = database.fetch(
            "SELECT exchange_id FROM started WHERE exchange_id >= :first AND exchange_id < :last "
            "ORDER BY exchange_id LIMIT :most",
            {"first": prefix, "last": f"{prefix}\U0010ffff", "most": _SHOWN_CANDIDATES + 1},
        )
        found = [row[0] for row in rows]
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
