"""The thin streaming HTTP/1.1 client that gateway, workbench and load share."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from types import TracebackType
from typing import Self, override

from tanzaku.core import Clock
from tanzaku.transport._address import Reach
from tanzaku.transport._connect import Origin, open_connection, parse_origin
from tanzaku.transport._connection import Connection, StreamTimings, Timeouts
from tanzaku.transport._http import HOP_BY_HOP, HeaderList, HttpRequest, HttpResponse
from tanzaku.transport._pool import Pool
from tanzaku.transport.errors import BrokenResponse, RequestRefusedError, UpstreamTimeout

_LOWER_TOKEN_BYTES = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_VALUE_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
_COMMON_METHODS = frozenset({"GET", "POST"})
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(r"/[!\x22$-~]*")
_MOST_REMEMBERED = 64

# Framing and the connection are this client's business, whatever the caller's request said.
_OWN_HEADERS = HOP_BY_HOP | {b"content-length", b"expect", b"host", b"http2-settings"}


@dataclass(slots=True)
class ClientResponse(HttpResponse):
    """An upstream's answer: `body` is bytes when all of it came with the header, else a stream.

    The body keeps its content-encoding; hop-by-hop headers are left out. `timings` fill up
    while the body is read.
    """

    timings: StreamTimings


class _BodyStream(AsyncIterator[bytes]):
    def __init__(self, connection: Connection, release: Callable[[Connection], None]) -> None:
        self._connection: Connection | None = connection
        self._release = release

    @override
    async def __anext__(self) -> bytes:
        connection = self._connection
        if connection is None:
            raise StopAsyncIteration
        try:
            chunk = await connection.read()
        except BaseException:
            self._end()
            raise
        if not chunk:
            self._end()
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Stop reading; an answer that is not complete takes its connection with it."""
        self._end()

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._release(connection)

    def __del__(self) -> None:
        connection = self._connection
        if connection is not None and not connection.loop.is_closed():
            connection.loop.call_soon_threadsafe(self._release, connection)


class HttpClient:
    """Sends requests to upstreams over kept-alive connections, at most `max_connections` to each.

    An idle connection is dropped after `idle_keepalive_s`, which belongs below the upstream's own
    limit (this room's server: 5 s). Redirects are not followed, bodies not decoded,
    proxies of the environment ignored. `ssl_context` replaces the system's certificate
    authorities. With a `reach` the addresses that a name leads to are looked at before they are
    connected to, see `find_objection`. Belongs to the event loop it is first used in.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        max_connections: int = 200,
        idle_keepalive_s: float = 4.0,
        ssl_context: ssl.SSLContext | None = None,
        reach: Reach | None = None,
    ) -> None:
        self._clock = clock
        self._timeouts = timeouts
        self._max_connections = max_connections
        self._idle_keepalive_s = idle_keepalive_s
        self._ssl_context = ssl_context
        self._reach = reach
        self._targets: dict[str, tuple[Origin, Pool]] = {}
        self._pools: dict[tuple[str, int, bool], Pool] = {}

    async def send(self, request: HttpRequest, *, base_url: str) -> ClientResponse:
        """Send `request` to `base_url` + its target and return once the answer's header is here.

        On a reused connection that breaks before any byte of the answer, the request is sent
        once more on a new connection; in every other case the caller decides, by the error's
        `request_bytes_sent` and `response_bytes_received`. Raises RequestRefusedError (before
        connecting), ConnectError, TlsError, UpstreamTimeout, BrokenResponse. Cancelling closes
        the connection at once.
        """
        origin, pool = self._targets.get(base_url) or self._add_target(base_url)
        head = build_head(request, origin)
        # What is passed on while it comes in cannot be sent twice.
        connection = await pool.acquire(fresh=request.upload is not None)
        try:
            await connection.exchange(request.method, head, request.upload or request.body)
        except BrokenResponse as error:
            pool.release(connection)
            if not connection.timings.is_reused or error.response_bytes_received:
                raise
            connection = await pool.acquire(fresh=True)
            try:
                await connection.exchange(request.method, head, request.body)
            except BaseException:
                pool.release(connection)
                raise
        except BaseException:
            pool.release(connection)
            raise
        status, headers, timings = connection.status, connection.headers, connection.timings
        body = connection.take_whole_body()
        if body is None:
            return ClientResponse(status, headers, _BodyStream(connection, pool.release), timings)
        pool.release(connection)
        return ClientResponse(status, headers, body, timings)

    async def close(self) -> None:
        """Close every connection; answers still being read end with BrokenResponse."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()
        self._targets.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _add_target(self, base_url: str) -> tuple[Origin, Pool]:
        origin = parse_origin(base_url)
        key = (origin.host, origin.port, origin.is_tls)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(
                partial(self._connect, origin),
                self._clock,
                limit=self._max_connections,
                idle_s=self._idle_keepalive_s,
                wait_s=self._timeouts.pool_s,
            )
        self._targets[base_url] = origin, pool
        return origin, pool

    async def _connect(self, origin: Origin) -> Connection:
        connect_s = self._timeouts.connect_s
        try:
            async with asyncio.timeout(connect_s):
                tls = None
                if origin.is_tls:
                    if self._ssl_context is None:
                        self._ssl_context = await asyncio.to_thread(_load_system_tls)
                    tls = self._ssl_context
                make = partial(Connection, self._clock, self._timeouts)
                return await open_connection(origin, make, tls, connect_s, self._reach)
        except TimeoutError:
            raise UpstreamTimeout("connect", connect_s) from None


def _load_system_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def build_head(request: HttpRequest, origin: Origin) -> bytes:
    """The request line and the header that the client writes for `request`, up to the empty line.
    RequestRefusedError for a request it would not write."""
    lines = tuple(request.headers)
    build = _build_lines if len(lines) <= _MOST_REMEMBERED else _build_lines.__wrapped__
    head = build(request.method, request.target, lines, origin.prefix, origin.host_header)
    return head + _build_framing(request)


@lru_cache(maxsize=128)
def _build_lines(
    method: str, target: str, lines: tuple[tuple[bytes, bytes], ...], prefix: str, host: str
) -> bytes:
    """The header but for its framing: the same lines are sent again and again."""
    headers: HeaderList = list(lines)
    if _TARGET.fullmatch(target) is None:
        raise RequestRefusedError("the request target must be a path of printable ASCII")
    if method not in _COMMON_METHODS and (_METHOD.fullmatch(method) is None or method == "CONNECT"):
        raise RequestRefusedError("the request method is not one that can be sent")
    names = [name for name, _ in headers]
    if b"".join(names).translate(None, _LOWER_TOKEN_BYTES) or b"" in names:
        headers = [(name.lower(), value) for name, value in headers]
        names = [name for name, _ in headers]
        for name in names:
            if not name or name.translate(None, _LOWER_TOKEN_BYTES):
                raise RequestRefusedError(f"the header name {name!r} is not a token")
    if b"".join([value for _, value in headers]).translate(None, _VALUE_BYTES):
        for name, value in headers:
            if value.translate(None, _VALUE_BYTES):
                raise RequestRefusedError(
                    f"the value of header {name.decode()!r} holds a control character"
                )
    dropped = _OWN_HEADERS
    if b"connection" in names:
        dropped = dropped.union(
            token.strip().lower()
            for name, value in headers
            if name == b"connection"
            for token in value.split(b",")
        )
    start = f"{method} {prefix}{target} HTTP/1.1\r\nhost: {host}\r\n"
    kept = [b"%b: %b\r\n" % line for line in headers if line[0] not in dropped]
    return b"".join([start.encode("ascii"), *kept])


def _build_framing(request: HttpRequest) -> bytes:
    """The header line that says where the body ends, and the end of the header."""
    size: int | None = len(request.body)
    if request.upload is not None:
        size = request.upload.size
    elif not request.body and request.method not in _METHODS_WITH_BODY:
        return b"\r\n"
    if size is None:
        return b"transfer-encoding: chunked\r\n\r\n"
    return b"content-length: %d\r\n\r\n" % size
