"""One exchange under way: opened in the ledger, settled there once, whatever happens."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from tanzaku.catalog import UnknownModelError, estimate_tokens, get_model
from tanzaku.core import Clock
from tanzaku.exchange import (
    Attempt,
    Cost,
    Exchange,
    ExchangeError,
    Settlement,
    Timings,
)
from tanzaku.gateway._answer import Outcome
from tanzaku.gateway._asked import ask_for
from tanzaku.gateway._edge import Meter
from tanzaku.gateway._headers import AnswerHead, RequestHead
from tanzaku.gateway._prices import PriceBook
from tanzaku.gateway._stages import (
    LIST_PRICE,
    Asked,
    BatchResults,
    CachedCall,
    Caller,
    Custody,
    Hold,
    Placed,
    Shaper,
    Target,
    Turn,
    Used,
    Worst,
)
from tanzaku.ledger import Ledger
from tanzaku.transport import HttpRequest, redact_body, redact_query, redact_text

CLIENT_GONE = ExchangeError("client_gone", "The client left before the answer ended.")
CLIENT_GONE_STATUS = 499
CLIENT_SLOW = ExchangeError("client_slow", "The client stopped reading the answer.")
ENDED_BY_CLIENT = frozenset({CLIENT_GONE.type, CLIENT_SLOW.type})
CACHE_ROUTE = "cache"
"""The route of an answer that was kept, or that another call asked for."""
_FREE = Cost(Decimal(0), {})
_MAY_BE_BILLED = "The answer was not waited for; it may have been billed."
OWN_ROUTE = "gateway"
"""The route of what no upstream was asked for: the gateway refused it."""


type Observer = Callable[[Exchange], None]


@dataclass(frozen=True, slots=True)
class Books:
    """What every exchange is settled with."""

    ledger: Ledger
    clock: Clock
    prices: PriceBook
    observers: Sequence[Observer]


class Queue:
    """A call's turns: at one's own limits on calls at one time, then at those of the upstreams it
    goes to."""

    def __init__(self, shaper: Shaper, key: str, deadline: float, asked: Asked) -> None:
        self._shaper = shaper
        self._key = key
        # By its bytes: what a call usually uses, not what it may, is what it waits for.
        self._prompt_tokens = estimate_tokens(len(asked.body))
        self._deadline = deadline
        self._entered: Sequence[Turn] = ()
        self._turns: list[Turn] = []

    async def enter(self, caps: Sequence[tuple[str, int]]) -> None:
        """Return once there is room under every one of `caps`. ApiError 429 at the deadline."""
        if caps:
            self._entered = await self._shaper.enter(caps, self._key, self._deadline)

    async def wait(self, target: Target, model: str | None, worst: Worst) -> Turn:
        """Return once the call may go there. ApiError 429 at the deadline."""
        name = f"{target.name}, {find_pool(target.model or model)}"
        expected = replace(worst, input_tokens=self._prompt_tokens)
        turn = await self._shaper.turn(name, self._key, expected, self._deadline)
        self._turns.append(turn)
        return turn

    def finish(self, usage: Mapping[str, Any] | None) -> None:
        """The call is over: its last turn used this, those before it nothing."""
        for turn in (*self._entered, *self._turns[:-1]):
            turn.finish({})
        if self._turns:
            self._turns[-1].finish(usage)


@lru_cache(maxsize=256)
def find_pool(model: str | None) -> str:
    """The class of models that shares its limits with this one; the name itself where the catalog
    does not know it."""
    try:
        known = get_model(model or "")
    except UnknownModelError:
        return model or "-"
    return known.rate_pool or known.id


class OpenExchange:
    """Collects attempts and times of one exchange until `settle`; a second `settle` does nothing."""

    def __init__(self, exchange_id: str, asked: Asked, head: RequestHead, books: Books) -> None:
        params = asked.params
        model = params.get("model")
        self.is_priced = asked.is_message
        self.worst: Worst | None = None
        self.exchange = Exchange(
            exchange_id=exchange_id,
            started_at=asked.now,
            method=asked.request.method,
            path=keep_text(asked.path),
            request_headers=list(head.kept),
            request_body=redact_body(asked.body),
            model=keep_text(model) if isinstance(model, str) else None,
            is_stream=params.get("stream") is True,
            api_version=head.api_version,
            labels=dict(head.labels),
            query=_keep_query(asked.request.target),
        )
        self.attempts: list[Attempt] = []
        self.meter: Meter | None = None
        self.hold: Hold | None = None
        self.cached: CachedCall | None = None
        self.reserve: Callable[[], Awaitable[None]] | None = None
        """Holds the worst case; for a call that asks the cache before."""
        self.place: Callable[[HttpRequest], Awaitable[Placed | None]] | None = None
        self.queue: Queue | None = None
        self.results: BatchResults | None = None
        self.custody: Custody | None = None
        self.may_be_billed = False
        self.is_repaired = False
        self.violations = b""
        self._route = OWN_ROUTE
        self._tariff = LIST_PRICE
        self._books = books
        self._began = books.clock.monotonic()
        self._first_byte: float | None = None
        self._is_settled = False

    def cover(self, asked: Asked, targets: Sequence[Target]) -> None:
        """Let the worst case of a message be that of the dearest model, at the dearest place, that
        a target may be asked for."""
        if not asked.is_message:
            return
        bound = self._books.prices.bound
        for model, tariff in dict.fromkeys((target.model, target.tariff) for target in targets):
            params = asked.params if model is None else {**asked.params, "model": model}
            worst = bound(params, asked.body, asked.now, tariff)
            self.worst = worst if self.worst is None else _find_worse(self.worst, worst)
        if self.worst is not None:
            self.exchange.reserved_usd = self.worst.usd

    def name_caller(self, caller: Caller, address: str) -> None:
        """Say in the record who asks and from where; what the client says of that itself does not
        count."""
        labels = self.exchange.labels
        for name in ("key", "team", "owner", "tags", "address"):
            labels.pop(name, None)
        if caller.key_id:
            labels["key"] = caller.key_id
            if address:
                labels["address"] = address
        if caller.team:
            labels["team"] = caller.team
        if caller.owner:
            labels["owner"] = caller.owner
        if caller.tags:
            labels["tags"] = ",".join(caller.tags)

    def start(self) -> None:
        """Append the started event; raises LedgerError as `Ledger.start` does."""
        self._books.ledger.start(self.exchange)

    def release(self) -> None:
        """Let go of what is held for a call that was not made."""
        if self.hold is not None:
            self.hold.settle(Used(Decimal(0)), self._books.clock.now())
        if self.queue is not None:
            self.queue.finish({})

    def turn_to(self, target: Target, request: HttpRequest) -> HttpRequest:
        """The request as `target` gets it; its answer, if it is the last one, is carried back."""
        self._route = target.name
        self._tariff = target.tariff
        self.is_repaired = target.retry is not None
        return request if target.model is None else ask_for(target.model, request)

    def note_first_byte(self) -> None:
        """The answer's body begins to go to the client now."""
        if self._first_byte is None:
            self._first_byte = self._books.clock.monotonic()

    async def settle(self, status: int, head: AnswerHead, body: bytes, outcome: Outcome) -> None:
        """Price the answer, append it to the ledger and return once it is durable.

        `body` is what the client got of the answer, decoded.
        """
        if self._is_settled:
            return
        clock = self._books.clock
        ended, now = clock.monotonic(), clock.now()
        if self.meter is not None:
            outcome = self.meter.bill(outcome)
        self._is_settled = True
        if self.results is not None and status < 300:
            read, cost, unpriced = await self.results.end()
            outcome = replace(read, error=outcome.error)
        else:
            cost, unpriced = self._price(status, outcome, now)
        if self.hold is not None:
            self.hold.settle(_find_used(outcome, cost, unpriced), now)
        if self.queue is not None:
            self.queue.finish(outcome.usage)
        first = self._first_byte
        if first is None and body:
            first = ended
        request_id = head.request_id
        exchange = self.exchange
        exchange.settlement = Settlement(
            settled_at=now,
            status=status,
            route=CACHE_ROUTE if self._is_free else self._route,
            response_headers=head.list_kept(),
            response_body=redact_body(body),
            timings=Timings(
                None if first is None else (first - self._began) * 1000,
                (ended - self._began) * 1000,
            ),
            attempts=self.attempts,
            request_id=None if request_id is None else request_id.decode("latin-1"),
            response_model=outcome.model,
            stop_reason=outcome.stop_reason,
            usage=outcome.usage,
            cost=cost,
            unpriced=unpriced,
            error=_keep_error(outcome.error),
            rule=head.lines.rule,
        )
        for observe in self._books.observers:
            observe(exchange)
        await self._books.ledger.settle(exchange)

    @property
    def _is_free(self) -> bool:
        return self.cached is not None and self.cached.is_free

    def _price(self, status: int, outcome: Outcome, now: float) -> tuple[Cost | None, str | None]:
        if not self.is_priced:
            return None, None
        if self._is_free:
            return _FREE, None
        if status >= 300 and (self.meter is None or outcome.usage is None):
            is_left = outcome.error is CLIENT_GONE and self._route != OWN_ROUTE
            return None, _MAY_BE_BILLED if is_left or self.may_be_billed else None
        model = outcome.model or self.exchange.model
        if outcome.usage is None or model is None:
            return None, "The answer names no usage."
        if outcome.is_partial:
            return None, "The answer broke off before it named its usage."
        price = self._books.prices.price(model, outcome.usage, now, self._tariff)
        return (price, None) if isinstance(price, Cost) else (None, price)


def _find_worse(one: Worst, other: Worst) -> Worst:
    """What bounds both."""
    return Worst(
        None if one.usd is None or other.usd is None else max(one.usd, other.usd),
        max(one.input_tokens, other.input_tokens),
        max(one.output_tokens, other.output_tokens),
    )


def _find_used(outcome: Outcome, cost: Cost | None, unpriced: str | None) -> Used:
    """What a budget is charged: what is not known keeps its reserved worst case."""
    usage = {} if outcome.is_partial else outcome.usage or {}
    tokens = [
        usage.get(name) or 0
        for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    ]
    usd = cost.total_usd if cost is not None else None if unpriced else Decimal(0)
    return Used(usd, sum(tokens), usage.get("output_tokens") or 0)


@lru_cache(maxsize=512)
def keep_text(text: str) -> str:
    """What the ledger keeps of a short text that a stranger chose: no credentials."""
    return redact_text(text)


@lru_cache(maxsize=512)
def _keep_query(target: str) -> str:
    query = target.partition("?")[2]
    return redact_query(query) if query else ""


def _keep_error(error: ExchangeError | None) -> ExchangeError | None:
    return None if error is None else ExchangeError(error.type, redact_text(error.message))
