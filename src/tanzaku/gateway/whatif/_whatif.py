"""What recorded traffic would have cost otherwise: on another model, with caching, in batches."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from tanzaku.catalog import (
    Model,
    Rates,
    UnknownModelError,
    UnpricedUsageError,
    get_model,
    resolve_rates,
)
from tanzaku.gateway._settle import CACHE_ROUTE
from tanzaku.gateway.placement import CacheCounts, read_usage, write_usage
from tanzaku.gateway.whatif._past import Past
from tanzaku.gateway.whatif._refusals import Refusals
from tanzaku.gateway.whatif._replay import CacheReplay
from tanzaku.gateway.whatif._tokens import TokenScale

type By = Literal["day", "model", "key", "team", "tag", "route"]
type Why = Literal[
    "no_message",
    "open",
    "failed",
    "from_cache",
    "unpriced",
    "unknown_model",
    "no_tokens",
    "no_price",
]
_KEPT_OF_USAGE: Final = ("inference_geo", "server_tool_use", "service_tier", "speed")


@dataclass(frozen=True, slots=True)
class Question:
    """What is changed: the model (None: each call's own), breakpoints placed where they pay, the
    price of batches."""

    model: str | None = None
    caching: bool = False
    batch: bool = False


@dataclass(slots=True)
class Row:
    """A sum over calls that can be priced both ways; `refused` of them would not be answered."""

    key: str
    exchanges: int = 0
    refused: int = 0
    usd_now: Decimal = Decimal(0)
    usd_then: Decimal = Decimal(0)

    @property
    def usd_difference(self) -> Decimal:
        """More (above 0) or less than now."""
        return self.usd_then - self.usd_now

    def add(self, now: Decimal, then: Decimal, *, is_refused: bool) -> None:
        """One more call."""
        self.exchanges += 1
        self.refused += is_refused
        self.usd_now += now
        self.usd_then += then

    def to_json(self) -> dict[str, Any]:
        """The same keys and `usd_difference`; dollars as text."""
        names = ("usd_now", "usd_then", "usd_difference")
        return {**asdict(self), **{name: _write_usd(getattr(self, name)) for name in names}}


class WhatIf:
    """Takes recorded calls one by one, in the order they started, and adds up.

    A call counts where its cost now and then are both known; for all others `why` says how many
    there are of each kind. Nothing but sums is kept, and ids of what would be refused. Assumed is
    that the other model writes as much, and thinks as much. UserError for a model that is unknown
    or has no price.
    """

    def __init__(self, question: Question, by: By) -> None:
        self.question = question
        self.by = by
        self.rows: dict[str, Row] = {}
        self.total = Row("total")
        self.why: Counter[Why] = Counter()
        self.unread = 0
        """Calls whose requests were not kept whole: what refuses them, and what caching does for
        them, cannot be told."""
        self.saved_by_caching = Decimal(0)
        self.replay = CacheReplay() if question.caching else None
        self.scale: TokenScale | None = None
        self.refusals: Refusals | None = None
        self._model: Model | None = None
        if question.model is not None:
            self._model = get_model(question.model)
            resolve_rates(self._model.id)
            self.scale = TokenScale(self._model)
        if question.model is not None or question.batch:
            self.refusals = Refusals(self._model, batch=question.batch)

    def take(self, past: Past) -> None:
        """One more call."""
        why = self._judge(past)
        if why is not None:
            self.why[why] += 1

    def to_json(self) -> dict[str, Any]:
        """All of it; dollars as text."""
        document: dict[str, Any] = {
            "question": asdict(self.question),
            "by": self.by,
            "rows": [self.rows[key].to_json() for key in sorted(self.rows)],
            "total": self.total.to_json(),
            "not_counted": dict(sorted(self.why.items())),
            "requests_not_kept": self.unread,
            "tokens": None,
            "refusals": None,
            "caching": None,
        }
        if self.scale is not None:
            document["tokens"] = {**self.scale.how, "ratios": self.scale.list_ratios()}
        if self.refusals is not None:
            document["refusals"] = {
                "requests": self.refusals.requests,
                "reasons": [asdict(reason) for reason in self.refusals.list_reasons()],
                "not_listed": self.refusals.other_reasons,
            }
        if self.replay is not None:
            document["caching"] = {
                "placed": self.replay.placed,
                "read_tokens": self.replay.read_tokens,
                "written_tokens": self.replay.written_tokens,
                "usd_saved": _write_usd(self.saved_by_caching),
                "where": dict(self.replay.where.most_common()),
            }
        return document

    def _judge(self, past: Past) -> Why | None:
        """Add a call up; why it does not count, None where it does."""
        left = _find_reason(past)
        if left is not None or past.usage is None or past.cost_usd is None:
            return left or "unpriced"
        try:
            model = self._model or get_model(past.model or "")
        except UnknownModelError:
            return "unknown_model"
        factors = (1.0, 1.0) if self.scale is None else self.scale.measure(past)
        if factors is None:
            return "no_tokens"
        counts = _fit(read_usage(past.usage), factors[0], model)
        try:
            then = self._price(past, model, counts, round(_count_output(past.usage) * factors[1]))
        except UnpricedUsageError:
            return "no_price"
        is_refused = False
        if past.params is None or past.is_veiled:
            self.unread += 1
        elif self.refusals is not None:
            is_refused = self.refusals.judge(past, counts.total)
        for key in self._list_keys(past):
            row = self.rows.setdefault(key, Row(key))
            row.add(past.cost_usd, then, is_refused=is_refused)
        self.total.add(past.cost_usd, then, is_refused=is_refused)
        return None

    def _price(self, past: Past, model: Model, counts: CacheCounts, output: int) -> Decimal:
        day = datetime.fromtimestamp(past.started_at, UTC).date()
        rates = resolve_rates(model.id, day, past.platform)
        whole = self._bill(rates, past, counts, output)
        if self.replay is None:
            return whole
        placed = self.replay.place(past, model, rates, counts.total)
        if placed is None:
            return whole
        plain = CacheCounts(counts.total, 0, {})
        then = self._bill(rates, past, placed, output)
        self.saved_by_caching += self._bill(rates, past, plain, output) - then
        return then

    def _bill(self, rates: Rates, past: Past, counts: CacheCounts, output: int) -> Decimal:
        usage = past.usage or {}
        kept = {name: usage[name] for name in _KEPT_OF_USAGE if usage.get(name) is not None}
        priced = {**kept, **write_usage(counts), "output_tokens": output}
        return rates.price(priced, batch=self.question.batch, geo=past.geo).total_usd

    def _list_keys(self, past: Past) -> Iterator[str]:
        match self.by:
            case "day":
                yield datetime.fromtimestamp(past.started_at, UTC).date().isoformat()
            case "model":
                yield past.model or "-"
            case "route":
                yield past.route or "-"
            case "tag":
                yield from past.labels.get("tags", "-").split(",")
            case _:
                yield past.labels.get(self.by, "-")


def _find_reason(past: Past) -> Why | None:
    """Why a call cost nothing that could change."""
    if not past.is_message:
        return "no_message"
    if past.status is None:
        return "open"
    if past.route == CACHE_ROUTE:
        return "from_cache"
    if past.status >= 300 and past.cost_usd is None:
        return "failed"
    return None


def _fit(counts: CacheCounts, factor: float, model: Model) -> CacheCounts:
    """The counts in the model's tokens; below its minimum nothing is cached."""
    writes = {ttl: round(count * factor) for ttl, count in counts.writes.items()}
    read, total = round(counts.read * factor), round(counts.total * factor)
    cached = read + sum(writes.values())
    if cached < (model.cache_minimum_tokens or 0):
        return CacheCounts(total, 0, {})
    return CacheCounts(max(0, total - cached), read, writes)


def _count_output(usage: Mapping[str, Any]) -> int:
    count = usage.get("output_tokens")
    return count if type(count) is int else 0


def _write_usd(usd: Decimal) -> str:
    """Plain digits, none lost."""
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
