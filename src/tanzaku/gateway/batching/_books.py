"""Deferred calls in the ledger and in the budgets."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tanzaku.core import Clock, UserError
from tanzaku.exchange import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.gateway._answer import Outcome, read_whole
from tanzaku.gateway._asked import MESSAGES
from tanzaku.gateway._prices import PriceBook
from tanzaku.gateway._settle import Observer
from tanzaku.gateway._stages import Asked, Hold, Treasury, Used, Worst
from tanzaku.gateway.batching._deferred import Facts, Way
from tanzaku.gateway.batching._settings import OnLate
from tanzaku.ledger import Ledger, LedgerError
from tanzaku.transport import HttpRequest, redact_body, redact_headers, redact_query, redact_text

_JSON = ("content-type", "application/json")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended. `sent_at` is when it went out, `batch_id` the upstream's id of its batch;
    `is_unknown` says that it may have been answered and billed without anybody knowing."""

    way: Way
    status: int
    body: bytes
    sent_at: float
    batch_id: str = ""
    is_unknown: bool = False


class DeferredBooks:
    """One exchange for each deferred call and each time it was answered, under an id that follows
    from the call's, so that none can be written twice."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        treasury: Treasury | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._treasury = treasury
        self._observers = observers
        self._prices = PriceBook()
        self._holds: dict[str, Hold] = {}

    def bound(self, params: Mapping[str, Any], body: bytes, on_late: OnLate, now: float) -> Worst:
        """The most that a deferred call can cost: half the price of a plain one, and that price in
        addition where it may be sent a second time at its deadline."""
        worst = self._prices.bound(params, body, now, is_batch=True)
        plain = self._prices.bound(params, body, now)
        if on_late == "error" or worst.usd is None:
            return worst
        usd = None if plain.usd is None else worst.usd + plain.usd
        return Worst(usd, worst.input_tokens, worst.output_tokens)

    def reserve(self, deferred_id: str, facts: Facts) -> None:
        """Hold a call's worst case. ApiError as `Treasury.reserve` raises it."""
        if self._treasury is None:
            return
        headers = [(name.encode(), value.encode()) for name, value in facts.group.headers]
        request = HttpRequest("POST", MESSAGES, headers, b"")
        params = {"model": facts.model}
        asked = Asked(request, MESSAGES, params, b"", facts.labels, facts.made_at, True)
        self._holds[deferred_id] = self._treasury.reserve(facts.caller, asked, facts.worst)

    def release(self, deferred_id: str) -> None:
        """Give a hold back: nothing was used."""
        self._settle_hold(deferred_id, Used(Decimal(0)))

    async def settle(self, deferred_id: str, facts: Facts, request: bytes, ending: Ending) -> None:
        """Return once the exchange is durable, also when it was so before. LedgerError as
        `Ledger.settle` raises it otherwise."""
        now = self._clock.now()
        outcome = read_whole(ending.status, ending.body, is_message=True)
        cost, unpriced = self._price(facts, ending, outcome, now)
        exchange = _build_exchange(deferred_id, facts, request, ending)
        attempt = Attempt(
            facts.group.upstream, ending.sent_at, (now - ending.sent_at) * 1000, ending.status
        )
        error = outcome.error
        exchange.settlement = Settlement(
            settled_at=now,
            status=ending.status,
            route=facts.group.upstream,
            response_headers=[_JSON],
            response_body=redact_body(ending.body),
            timings=Timings(None, (now - facts.made_at) * 1000),
            attempts=[] if ending.way == "none" else [attempt],
            response_model=outcome.model,
            stop_reason=outcome.stop_reason,
            usage=outcome.usage,
            cost=cost,
            unpriced=unpriced,
            error=error and ExchangeError(error.type, redact_text(error.message)),
        )
        is_new = await self._write(exchange)
        usage = outcome.usage or {}
        usd = None if unpriced else Decimal(0) if cost is None else cost.total_usd
        used = Used(usd, _count_input(usage), usage.get("output_tokens") or 0)
        self._settle_hold(deferred_id, used)
        if is_new:
            for observe in self._observers:
                observe(exchange)

    async def _write(self, exchange: Exchange) -> bool:
        """False when the ledger has it from before: the process ended between the two notes of
        one answer, here and on the shelf."""
        try:
            await self._ledger.settle(exchange)
        except LedgerError:
            try:
                await asyncio.to_thread(self._ledger.get_exchange, exchange.exchange_id)
            except UserError:
                pass
            else:
                return False
            raise
        return True

    def _price(
        self, facts: Facts, ending: Ending, outcome: Outcome, now: float
    ) -> tuple[Cost | None, str | None]:
        if ending.is_unknown:
            return None, "Nobody knows whether it was answered."
        if ending.status >= 300:
            return None, None
        if outcome.usage is None:
            return None, "The answer names no usage."
        tier = {"service_tier": "batch"} if ending.way == "batch" else {}
        price = self._prices.price(outcome.model or facts.model, outcome.usage | tier, now)
        return (price, None) if isinstance(price, Cost) else (None, price)

    def _settle_hold(self, deferred_id: str, used: Used) -> None:
        hold = self._holds.pop(deferred_id, None)
        if hold is not None:
            hold.settle(used, self._clock.now())


def name_exchange(deferred_id: str, made_at: float, way: Way) -> str:
    """The id of an exchange, in the form and the order of all."""
    digest = hashlib.blake2b(f"{deferred_id} {way}".encode(), digest_size=8).hexdigest()
    return f"exch_{int(made_at * 1000):011x}{digest}"


def _build_exchange(deferred_id: str, facts: Facts, request: bytes, ending: Ending) -> Exchange:
    headers = [(name.encode(), value.encode()) for name, value in facts.group.headers]
    caller = facts.caller
    own = {
        "later": deferred_id,
        "batch": ending.batch_id,
        "key": caller.key_id,
        "team": caller.team,
        "owner": caller.owner,
        "tags": ",".join(caller.tags),
    }
    kept = {name: value for name, value in facts.labels.items() if name not in own}
    return Exchange(
        exchange_id=name_exchange(deferred_id, facts.made_at, ending.way),
        started_at=facts.made_at,
        method="POST",
        path=MESSAGES,
        request_headers=redact_headers(headers),
        request_body=redact_body(request),
        model=redact_text(facts.model),
        api_version=dict(facts.group.headers).get("anthropic-version"),
        reserved_usd=None if facts.worst is None else facts.worst.usd,
        labels=kept | {name: value for name, value in own.items() if value},
        query=redact_query(facts.group.query),
    )


def _count_input(usage: dict[str, int]) -> int:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(usage.get(name) or 0 for name in names)
