"""Sends a request and listens to the whole answer, frame by frame."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from hashlib import blake2b
from typing import Final

from tanzaku.core import Clock, SseDecoder, SseFrame, derive_id
from tanzaku.exchange import LABEL_PREFIX, RULE_HEADER, Attempt, Exchange, Settlement, Timings
from tanzaku.transport import (
    BodyDecoder,
    BodyEncodingError,
    ClientResponse,
    ConnectError,
    HeaderList,
    HttpClient,
    HttpRequest,
    RequestRefusedError,
    TransportError,
    UpstreamTimeout,
    build_head,
    close_body,
    get_header,
    parse_origin,
)
from tanzaku.wire import ANTHROPIC_VERSION, REQUEST_ID
from tanzaku.workbench.sending._bill import bill
from tanzaku.workbench.sending._mask import Mask
from tanzaku.workbench.sending._read import read_object
from tanzaku.workbench.sending._reply import Reply, TimedFrame, Trouble

MAX_BODY_BYTES: Final = 64 << 20
TIMEOUT_S: Final = 600.0
"""What the SDKs wait for an answer when nothing is said (SDK 2.12.0)."""


class Sender:
    """Sends requests to one base URL. `secrets` are texts that nothing kept of an exchange shows.

    One attempt a request: retrying is the flow's business. Any number of requests may be under way
    at once, and any number of senders may share a client, whose `clock` they take. An exchange's id
    follows from base URL, time, request and the number of requests sent before.
    """

    def __init__(
        self, client: HttpClient, clock: Clock, base_url: str, secrets: Sequence[str] = ()
    ) -> None:
        self._client = client
        self._clock = clock
        self.base_url = base_url
        self._mask = Mask(secrets)
        self._count = 0

    async def send(self, request: HttpRequest, *, timeout_s: float = TIMEOUT_S) -> Reply:
        """The reply, also when there was none: its `trouble` and `problem` then say why.

        `timeout_s` bounds the whole exchange, connecting included; the client's own limits hold
        beside it. An answer of more than 64 MiB is cut there. Cancelling closes the connection.
        """
        started = self._clock.monotonic()
        exchange = self._open(request)
        heard = _Heard(self._clock, started)
        trouble: Trouble | None = None
        problem: str | None = None
        try:
            async with asyncio.timeout(timeout_s):
                await self._listen(request, heard)
        except TimeoutError:
            trouble, problem = "timeout", f"no whole answer came within {timeout_s:g} s"
        except TransportError as error:
            trouble, problem = _name_trouble(error), self._mask.mask_text(str(error))
        frames = tuple(self._keep(one) for one in heard.frames)
        if heard.response is not None:
            exchange.settlement = self._settle(exchange, heard.response, heard)
        shown_url = self._mask.mask_text(self.base_url)
        reply = Reply(exchange, frames, problem, trouble, shown_url, self._finds_secret(heard))
        if exchange.settlement is not None:
            bill(reply, exchange.settlement)
        return reply

    async def _listen(self, request: HttpRequest, heard: "_Heard") -> None:
        response = await self._client.send(request, base_url=self.base_url)
        try:
            heard.start(response)
            async for chunk in _iter_body(response):
                heard.take(chunk)
            heard.end()
        finally:
            heard.ended = self._clock.monotonic()
            await close_body(response.body)

    def _open(self, request: HttpRequest) -> Exchange:
        self._count += 1
        started_at = self._clock.now()
        path, _, query = request.target.partition("?")
        params = read_object(request.body)
        model, version = params.get("model"), get_header(request.headers, ANTHROPIC_VERSION)
        asked = blake2b(
            f"{request.method} {request.target}".encode("utf-8", "replace") + request.body
        ).digest()
        headers = self._mask.mask_headers(_list_sent(request, self.base_url))
        return Exchange(
            exchange_id=derive_id("wb", self.base_url, repr(started_at), asked, self._count),
            started_at=started_at,
            method=request.method,
            path=self._mask.mask_text(path),
            query=self._mask.mask_query(query),
            request_headers=headers,
            request_body=self._mask.mask_body(request.body),
            model=model if isinstance(model, str) else None,
            is_stream=params.get("stream") is True,
            api_version=version.decode("latin-1") if version else None,
            labels={
                name.removeprefix(LABEL_PREFIX): value
                for name, value in headers
                if name.startswith(LABEL_PREFIX)
            },
        )

    def _keep(self, one: TimedFrame) -> TimedFrame:
        name = self._mask.mask_text(one.frame.event)
        return TimedFrame(one.at_ms, SseFrame(name, self._mask.mask_body(one.frame.data)))

    def _finds_secret(self, heard: "_Heard") -> bool:
        if heard.response is None:
            return False
        values = (value for _, value in heard.response.headers)
        return self._mask.finds(heard.body, *values)

    def _settle(self, exchange: Exchange, response: ClientResponse, heard: "_Heard") -> Settlement:
        timings = heard.timings
        base_url = self._mask.mask_text(self.base_url)
        attempt = Attempt(base_url, exchange.started_at, timings.total_ms, response.status)
        return Settlement(
            settled_at=self._clock.now(),
            status=response.status,
            route=base_url,
            response_headers=self._mask.mask_headers(response.headers),
            response_body=self._mask.mask_body(heard.body),
            timings=timings,
            attempts=[attempt],
            request_id=_find(response.headers, REQUEST_ID),
            rule=_find(response.headers, RULE_HEADER.encode()),
        )


class _Heard:
    """What has come of an answer so far. Times are of the clock's, `started` when it was asked."""

    def __init__(self, clock: Clock, started: float) -> None:
        self._clock = clock
        self._started = started
        self._pieces: list[bytes] = []
        self._frames: SseDecoder | None = None
        self._decoder: BodyDecoder
        self.response: ClientResponse | None = None
        self.ended = started
        self.frames: list[TimedFrame] = []

    def start(self, response: ClientResponse) -> None:
        """The header is here. BodyEncodingError for a body that nobody here can decode."""
        self.response = response
        self.ended = self._clock.monotonic()
        kind = get_header(response.headers, b"content-type") or b""
        if kind.partition(b";")[0].strip().lower() == b"text/event-stream":
            self._frames = SseDecoder()
        # An answer without a body (204, 304, to HEAD) may name the coding it would have had.
        if response.body != b"":
            self._decoder = BodyDecoder(response.headers, MAX_BODY_BYTES)

    def take(self, chunk: bytes) -> None:
        at_ms = (self._clock.monotonic() - self._started) * 1000
        piece = self._decoder.feed(chunk)
        self._pieces.append(piece)
        if self._frames is not None:
            self.frames += [TimedFrame(at_ms, frame) for frame in self._frames.feed(piece)]

    def end(self) -> None:
        if self._pieces:
            self._decoder.end()

    @property
    def body(self) -> bytes:
        return b"".join(self._pieces)

    @property
    def timings(self) -> Timings:
        first = self.response.timings.first_byte_at if self.response else None
        ttft_ms = None if first is None else (first - self._started) * 1000
        return Timings(ttft_ms, (self.ended - self._started) * 1000)


def _list_sent(request: HttpRequest, base_url: str) -> HeaderList:
    """The header lines as the client writes them; the caller's own for what cannot be written."""
    try:
        head = build_head(request, parse_origin(base_url))
    except RequestRefusedError:
        return request.headers
    lines = (line.partition(b": ") for line in head.split(b"\r\n")[1:] if line)
    return [(name, value) for name, _, value in lines]


async def _iter_body(response: ClientResponse) -> AsyncIterator[bytes]:
    if isinstance(response.body, bytes):
        if response.body:
            yield response.body
        return
    async for chunk in response.body:
        yield chunk


def _name_trouble(error: TransportError) -> Trouble:
    match error:
        case RequestRefusedError():
            return "unsendable"
        case ConnectError():
            return "connect"
        case UpstreamTimeout():
            return "timeout"
        case BodyEncodingError():
            return "too_large" if error.kind == "too_large" else "encoding"
        case _:
            return "broken"


def _find(headers: HeaderList, name: bytes) -> str | None:
    value = get_header(headers, name)
    return None if value is None else value.decode("latin-1")
