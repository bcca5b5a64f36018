"""The one thing that flows: a request to Claude and its answer."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at an upstream. `status` is None when no answer came; `error` then says why.

    `platform` is whose prices hold there, one of `catalog.PLATFORMS`; `geo`, on a cloud, where it
    answers: `global` or a region.
    """

    upstream: str
    started_at: float
    duration_ms: float
    status: int | None = None
    error: str | None = None
    platform: str = "anthropic"
    geo: str | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds since the request was read whole.

    `ttft_ms` is the first byte of the answer's body on its way to the client, None when there was
    none; `total_ms` the last.
    """

    ttft_ms: float | None
    total_ms: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars, whole and by part (`input`, `output`, `cache_write_5m`, ... as in catalog.price)."""

    total_usd: Decimal
    parts_usd: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class ExchangeError:
    """The answer's error: `type` as the API spells it, `message` as it was sent."""

    type: str
    message: str


@dataclass(slots=True)
class Settlement:
    """How an exchange ended.

    `usage` is the API's own object, merged over a stream. `cost` is None when nothing was billed
    or nothing could be priced; `unpriced` then says why.
    """

    settled_at: float
    status: int
    route: str
    response_headers: list[tuple[str, str]]
    response_body: bytes
    timings: Timings
    attempts: list[Attempt]
    request_id: str | None = None
    response_model: str | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    cost: Cost | None = None
    unpriced: str | None = None
    error: ExchangeError | None = None
    rule: str | None = None


@dataclass(slots=True)
class Exchange:
    """A request to Claude and its answer; `settlement` is None while it is under way.

    Header lists hold lower-case names, and nothing here a credential. Bodies are decoded bytes,
    API keys in them masked: JSON, or for a streamed answer the server-sent events as the client
    got them. `labels` are the
    `tanzaku-*` request headers without that prefix; `query` is the URL's, percent-encoded as it came.
    Times are Unix seconds.
    """

    exchange_id: str
    started_at: float
    method: str
    path: str
    request_headers: list[tuple[str, str]]
    request_body: bytes
    model: str | None = None
    is_stream: bool = False
    api_version: str | None = None
    reserved_usd: Decimal | None = None
    labels: dict[str, str] = field(default_factory=dict)
    query: str = ""
    settlement: Settlement | None = None

    @property
    def target(self) -> str:
        """Path and query, as a request line has them."""
        return f"{self.path}?{self.query}" if self.query else self.path
