"""One exchange under way: opened in the ledger, settled there once, whatever happens."""

from functools import lru_cache

from tanzaku.core import Clock
from tanzaku.exchange import (
    RULE_HEADER,
    Attempt,
    Cost,
    Exchange,
    ExchangeError,
    Settlement,
    Timings,
)
from tanzaku.gateway._answer import Outcome
from tanzaku.gateway._edge import Meter
from tanzaku.gateway._prices import PriceBook
from tanzaku.ledger import Ledger
from tanzaku.transport import HeaderList, get_header, redact_body, redact_headers, redact_text
from tanzaku.wire import REQUEST_ID

_RULE = RULE_HEADER.encode()
CLIENT_GONE = ExchangeError("client_gone", "The client left before the answer ended.")
CLIENT_GONE_STATUS = 499


class OpenExchange:
    """Collects attempts and times of one exchange until `settle`; a second `settle` does nothing."""

    def __init__(
        self, exchange: Exchange, *, route: str, ledger: Ledger, clock: Clock, prices: PriceBook
    ) -> None:
        self.exchange = exchange
        self.attempts: list[Attempt] = []
        self.is_priced = False
        self.meter: Meter | None = None
        self._route = route
        self._ledger = ledger
        self._clock = clock
        self._prices = prices
        self._began = clock.monotonic()
        self._first_byte: float | None = None
        self._is_settled = False

    def note_first_byte(self) -> None:
        """The answer's body begins to go to the client now."""
        if self._first_byte is None:
            self._first_byte = self._clock.monotonic()

    async def settle(self, status: int, headers: HeaderList, body: bytes, outcome: Outcome) -> None:
        """Price the answer, append it to the ledger and return once it is durable.

        `headers` are the answer's before redaction, `body` what the client got of it, decoded.
        """
        if self._is_settled:
            return
        ended, now = self._clock.monotonic(), self._clock.now()
        if self.meter is not None:
            outcome = self.meter.bill(outcome)
        cost, unpriced = self._price(status, outcome, now)
        self._is_settled = True
        first = self._first_byte
        if first is None and body:
            first = ended
        self.exchange.settlement = Settlement(
            settled_at=now,
            status=status,
            route=self._route,
            response_headers=keep_headers(headers),
            response_body=redact_body(body),
            timings=Timings(
                ttft_ms=None if first is None else (first - self._began) * 1000,
                total_ms=(ended - self._began) * 1000,
            ),
            attempts=self.attempts,
            request_id=_decode(get_header(headers, REQUEST_ID)),
            response_model=outcome.model,
            stop_reason=outcome.stop_reason,
            usage=outcome.usage,
            cost=cost,
            unpriced=unpriced,
            error=_keep_error(outcome.error),
            rule=_decode(get_header(headers, _RULE)),
        )
        await self._ledger.settle(self.exchange)

    def _price(self, status: int, outcome: Outcome, now: float) -> tuple[Cost | None, str | None]:
        is_billed = status < 300 or (self.meter is not None and outcome.usage is not None)
        if not self.is_priced or not is_billed:
            return None, None
        model = outcome.model or self.exchange.model
        if outcome.usage is None or model is None:
            return None, "The answer names no usage."
        price = self._prices.price(model, outcome.usage, now)
        return (price, None) if isinstance(price, Cost) else (None, price)


def keep_headers(headers: HeaderList) -> list[tuple[str, str]]:
    """What the ledger keeps of `headers`; most lines repeat, so they are remembered."""
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        if name == REQUEST_ID and value.startswith(b"req_"):
            kept.append(("request-id", value.decode("latin-1")))
        else:
            kept += _redact_line(name, value)
    return kept


@lru_cache(maxsize=512)
def _redact_line(name: bytes, value: bytes) -> tuple[tuple[str, str], ...]:
    return tuple(redact_headers([(name, value)]))


@lru_cache(maxsize=512)
def keep_text(text: str) -> str:
    """What the ledger keeps of a short text that a stranger chose: no credentials."""
    return redact_text(text)


def _keep_error(error: ExchangeError | None) -> ExchangeError | None:
    return None if error is None else ExchangeError(error.type, redact_text(error.message))


def _decode(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
