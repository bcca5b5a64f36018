"""What the ledger says was spent, for budgets that begin in the middle of a period."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Final, Literal

from tanzaku.exchange import Exchange
from tanzaku.gateway._settle import CACHE_ROUTE, OWN_ROUTE
from tanzaku.gateway.budgets._account import to_pico
from tanzaku.gateway.budgets._rules import MINUTE_S, BudgetRule, Unit, find_span
from tanzaku.ledger import CostRow, LedgerReader

type _Group = Literal["key", "team", "tag"]

_GROUPS: Final[dict[str, _Group]] = {
    "each key": "key", "key": "key", "each team": "team", "team": "team", "tag": "tag",
}  # fmt: skip
_NOBODY: Final = "-"
_PAGE: Final = 1000
_ZERO: Final = Decimal(0)


class Spent:
    """What was used in the periods at `now` (Unix seconds). Raises LedgerError.

    An exchange without a price, because it was cut off or its usage is not known, counts as what
    was reserved for it; its tokens are not known and not counted. What the gateway itself refused
    is no request, nor is what it answered from its cache.
    """

    def __init__(self, reader: LedgerReader, now: float) -> None:
        self._reader = reader
        self._now = now
        self._list_unpriced = cache(self._find_unpriced)

    def read(self, rule: BudgetRule) -> Iterator[tuple[str, int]]:
        """Each subject of a rule with what it has used of the rule's unit."""
        if rule.unit == "concurrent":
            return
        since = find_span(rule.period, self._now).starts_at
        if rule.period == "minute":
            since = self._now - MINUTE_S
        group = _GROUPS.get(rule.scope)
        own: Counter[str] = Counter()
        for route in (OWN_ROUTE, CACHE_ROUTE):
            for row in self._sum(group, since, route=route):
                own[row.key] += _count(row, rule.unit)
        for row in self._sum(group, since):
            subject = "" if group is None else row.key
            if subject == _NOBODY or (rule.name and subject != rule.name):
                continue
            if rule.unit == "usd":
                unpriced = self._list_unpriced(since) if row.unsettled or row.unpriced else []
                held = [
                    one.reserved_usd or _ZERO for one in unpriced if _is_of(one, group, subject)
                ]
                yield subject, to_pico(sum(held, row.total_usd))
            else:
                yield subject, _count(row, rule.unit) - own[row.key]

    def _sum(
        self, group: _Group | None, since: float, route: str | None = None
    ) -> Sequence[CostRow]:
        if group is None:
            return [self._reader.totals(since=since, route=route)]
        return self._reader.sum_costs(by=group, since=since, route=route)

    def _find_unpriced(self, since: float) -> list[Exchange]:
        total = self._reader.totals(since=since)
        wanted = total.unsettled + total.unpriced
        found: list[Exchange] = []
        before = None
        # Newest first, where those cut off by a crash are.
        while len(found) < wanted and (
            page := self._reader.list_exchanges(limit=_PAGE, before=before, since=since)
        ):
            found += [
                one for one in page if one.settlement is None or one.settlement.unpriced is not None
            ]
            before = page[-1].exchange_id
        return found


def _is_of(exchange: Exchange, group: _Group | None, subject: str) -> bool:
    if group is None:
        return True
    if group == "tag":
        return subject in exchange.labels.get("tags", "").split(",")
    return exchange.labels.get(group) == subject


def _count(row: CostRow, unit: Unit) -> int:
    """Tokens or requests of a sum."""
    read = row.input_tokens + row.cache_write_tokens + row.cache_read_tokens
    match unit:
        case "tokens":
            return read + row.output_tokens
        case "input_tokens":
            return read
        case "output_tokens":
            return row.output_tokens
        case _:
            return row.exchanges
