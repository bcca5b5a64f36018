"""Sends a request and listens to the whole answer, frame by frame."""

from collections.abc import AsyncIterator, Sequence
from json import loads
from typing import Any, Final

from tanzaku.catalog import price
from tanzaku.core import Clock, SseDecoder, UserError, derive_id
from tanzaku.exchange import (
    RULE_HEADER,
    Attempt,
    Cost,
    Exchange,
    ExchangeError,
    Settlement,
    Timings,
)
from tanzaku.transport import (
    BodyEncodingError,
    ClientResponse,
    HeaderList,
    HttpClient,
    HttpRequest,
    TransportError,
    close_body,
    decode_body,
    get_header,
    redact_text,
)
from tanzaku.wire import ANTHROPIC_VERSION, REQUEST_ID, parse_error_body
from tanzaku.workbench.sending._reply import Reply, TimedFrame, read_message

MAX_BODY_BYTES: Final = 64 << 20
_MASK: Final = "…"
_CREDENTIALS: Final = frozenset(
    {b"x-api-key", b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"}
)


class Sender:
    """Sends requests to one base URL. `secrets` are texts that nothing kept of a request may show.

    One attempt a request: retrying is the flow's business.
    """

    def __init__(
        self, client: HttpClient, clock: Clock, base_url: str, secrets: Sequence[str] = ()
    ) -> None:
        self._client = client
        self._clock = clock
        self.base_url = base_url
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._count = 0

    async def send(self, request: HttpRequest) -> Reply:
        """The reply, also when there was none: its `problem` then says why. RequestRefusedError for
        a request that cannot be put on the wire."""
        self._count += 1
        started, started_at = self._clock.monotonic(), self._clock.now()
        exchange = self._open(request, started_at)
        try:
            response = await self._client.send(request, base_url=self.base_url)
        except TransportError as error:
            return Reply(exchange, problem=str(error))
        chunks: list[bytes] = []
        frames: list[TimedFrame] = []
        problem: str | None = None
        is_stream = (get_header(response.headers, b"content-type") or b"").startswith(
            b"text/event-stream"
        )
        decoder = SseDecoder()
        try:
            async for chunk in _iter_body(response):
                at_ms = (self._clock.monotonic() - started) * 1000
                chunks.append(chunk)
                if is_stream:
                    frames += [TimedFrame(at_ms, frame) for frame in decoder.feed(chunk)]
        except TransportError as error:
            problem = str(error)
        finally:
            await close_body(response.body)
        try:
            body = decode_body(response.headers, b"".join(chunks), MAX_BODY_BYTES)
        except BodyEncodingError as error:
            body, problem = b"", str(error)
        exchange.settlement = self._settle(exchange, response, body, frames, started)
        return Reply(exchange, tuple(frames), problem)

    def _open(self, request: HttpRequest, started_at: float) -> Exchange:
        path, _, query = request.target.partition("?")
        params = _read_object(request.body)
        version = get_header(request.headers, ANTHROPIC_VERSION)
        return Exchange(
            exchange_id=derive_id("wb", self.base_url, repr(started_at), self._count),
            started_at=started_at,
            method=request.method,
            path=path,
            query=query,
            request_headers=self._mask_headers(request.headers),
            request_body=request.body,
            model=params["model"] if isinstance(params.get("model"), str) else None,
            is_stream=params.get("stream") is True,
            api_version=version.decode("latin-1") if version else None,
        )

    def _settle(
        self,
        exchange: Exchange,
        response: ClientResponse,
        body: bytes,
        frames: Sequence[TimedFrame],
        started: float,
    ) -> Settlement:
        now = self._clock.monotonic()
        first = response.timings.first_byte_at
        ttft_ms = None if first is None else (first - started) * 1000
        timings = Timings(ttft_ms, (now - started) * 1000)
        message, _ = read_message(body, frames)
        usage = message.get("usage") if message else None
        model = message.get("model") if message else None
        cost, unpriced = _price(model, usage)
        return Settlement(
            settled_at=self._clock.now(),
            status=response.status,
            route=self.base_url,
            response_headers=self._mask_headers(response.headers),
            response_body=body,
            timings=timings,
            attempts=[
                Attempt(self.base_url, exchange.started_at, timings.total_ms, response.status)
            ],
            request_id=_find(response.headers, REQUEST_ID),
            response_model=model,
            stop_reason=message.get("stop_reason") if message else None,
            usage=usage,
            cost=cost,
            unpriced=unpriced,
            error=_read_error(response.status, body),
            rule=_find(response.headers, RULE_HEADER.encode()),
        )

    def _mask_headers(self, headers: HeaderList) -> list[tuple[str, str]]:
        return [
            (name.lower().decode("latin-1"), self._mask(name.lower(), value.decode("latin-1")))
            for name, value in headers
        ]

    def _mask(self, name: bytes, value: str) -> str:
        if name in _CREDENTIALS:
            return _MASK
        for secret in self._secrets:
            value = value.replace(secret, _MASK)
        return redact_text(value)


async def _iter_body(response: ClientResponse) -> AsyncIterator[bytes]:
    if isinstance(response.body, bytes):
        yield response.body
        return
    async for chunk in response.body:
        yield chunk


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        value = loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _find(headers: HeaderList, name: bytes) -> str | None:
    value = get_header(headers, name)
    return None if value is None else value.decode("latin-1")


def _price(model: Any, usage: Any) -> tuple[Cost | None, str | None]:
    if not isinstance(model, str) or not isinstance(usage, dict):
        return None, None
    try:
        priced = price(model, usage)
    except UserError as error:
        return None, error.message
    return Cost(priced.total_usd, dict(priced.parts_usd)), None


def _read_error(status: int, body: bytes) -> ExchangeError | None:
    if status < 400 or _read_object(body).get("type") != "error":
        return None
    error = parse_error_body(body, status)
    return ExchangeError(error.error_type, str(error))
