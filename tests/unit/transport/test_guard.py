"""Every probe of the protocol guard, over a socket, on a new connection and on one in use."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tanzaku.transport import (
    Handler,
    HttpRequest,
    HttpResponse,
    ServerLimits,
    serve,
)

type Run = Callable[[Coroutine[Any, Any, Any]], Any]

GOOD = b"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n"
HOST = b"Host: x\r\n"


async def echo(request: HttpRequest) -> HttpResponse:
    text = f"{request.method} {request.target} {len(request.body)}"
    return HttpResponse(200, [], text.encode())


class Client:
    """A raw connection that reads answers framed by content-length or chunks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, raw: bytes) -> None:
        self.writer.write(raw)
        try:
            await self.writer.drain()
        except ConnectionError:
            return  # the server had heard enough; what it said is still to be read

    async def hear(self) -> tuple[int, bytes]:
        """The next answer's status and body (with its chunk framing taken off)."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        status = int(lines[0].split()[1])
        for line in lines:
            if line.startswith(b"content-length:"):
                return status, await self.reader.readexactly(int(line.partition(b":")[2]))
        pieces = []
        while True:
            size = int(await self.reader.readline(), 16)
            pieces.append((await self.reader.readexactly(size + 2))[:size])
            if not size:
                return status, b"".join(pieces)

    async def is_closed(self) -> bool:
        """Wait for the end of the connection; False when more bytes come instead."""
        try:
            return not await self.reader.read(1)
        except ConnectionError:
            return True


@asynccontextmanager
async def serving(
    handler: Handler = echo, *, drain_s: float = 0.0, **limits: Any
) -> AsyncIterator[Callable[[], Coroutine[Any, Any, Client]]]:
    """A guarded server; what it yields opens a raw connection to it."""
    clients: list[Client] = []
    server_limits = ServerLimits(**limits)
    async with serve(
        handler, max_body_bytes=1 << 20, limits=server_limits, drain_s=drain_s
    ) as running:

        async def connect() -> Client:
            client = Client(*await asyncio.open_connection(running.host, running.port))
            clients.append(client)
            return client

        yield connect
        for client in clients:
            client.writer.close()


def post(headers: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return b"POST /echo HTTP/%b\r\n%b\r\n%b" % (version, headers, body)


CHUNKED = b"Transfer-Encoding: chunked\r\n"
NO_CHUNKS = b"0\r\n\r\n"

REFUSED = {
    "length-and-chunked": (400, post(HOST + b"Content-Length: 4\r\n" + CHUNKED, NO_CHUNKS)),
    "chunked-and-length": (400, post(HOST + CHUNKED + b"Content-Length: 4\r\n", NO_CHUNKS)),
    "unknown-transfer-coding": (400, post(HOST + b"Transfer-Encoding: xchunked\r\n", NO_CHUNKS)),
    "gzip-transfer-coding": (400, post(HOST + b"Transfer-Encoding: gzip, chunked\r\n", NO_CHUNKS)),
    "twice-chunked": (400, post(HOST + CHUNKED + CHUNKED, NO_CHUNKS)),
    "chunked-on-1.0": (400, post(HOST + CHUNKED, NO_CHUNKS, b"1.0")),
    "two-lengths": (400, post(HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n", b"ab")),
    "length-with-sign": (400, post(HOST + b"Content-Length: +4\r\n", b"abcd")),
    "negative-length": (400, post(HOST + b"Content-Length: -4\r\n", b"abcd")),
    "length-list": (400, post(HOST + b"Content-Length: 4, 4\r\n", b"abcd")),
    "bare-lf-lines": (400, b"GET /echo HTTP/1.1\nHost: x\n\n"),
    "bare-lf-in-header": (400, b"GET /echo HTTP/1.1\r\nHost: x\r\nX-A: a\nX-B: b\r\n\r\n"),
    "bare-lf-chunk": (400, post(HOST + CHUNKED, b"3\nabc\r\n0\r\n\r\n")),
    "lf-in-chunk-extension": (400, post(HOST + CHUNKED, b"3;a=\nb\r\nabc\r\n0\r\n\r\n")),
    "bad-chunk-size": (400, post(HOST + CHUNKED, b"0x3\r\nabc\r\n0\r\n\r\n")),
    "bare-cr-in-header": (400, b"GET /echo HTTP/1.1\r\nHost: x\r\nX-A: a\rX-B: b\r\n\r\n"),
    "nul-in-header": (400, b"GET /echo HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n"),
    "folded-header": (400, b"GET /echo HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n"),
    "space-before-colon": (400, b"GET /echo HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n"),
    "two-hosts": (400, b"GET /echo HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n"),
    "same-host-twice": (400, b"GET /echo HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
    "no-host": (400, b"GET /echo HTTP/1.1\r\n\r\n"),
    "no-host-1.0": (400, b"GET /echo HTTP/1.0\r\n\r\n"),
    "empty-host": (400, b"GET /echo HTTP/1.1\r\nHost:\r\n\r\n"),
    "host-with-path": (400, b"GET /echo HTTP/1.1\r\nHost: localhost/#@x\r\n\r\n"),
    "host-with-user": (400, b"GET /echo HTTP/1.1\r\nHost: a@localhost\r\n\r\n"),
    "host-list": (400, b"GET /echo HTTP/1.1\r\nHost: localhost, evil\r\n\r\n"),
    "absolute-target": (400, b"GET http://evil/echo?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "connect": (400, b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"),
    "asterisk-target": (400, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
    "fragment-target": (400, b"GET /echo#x HTTP/1.1\r\nHost: x\r\n\r\n"),
    "non-ascii-target": (400, b"GET /\xe4\xbd\xa0 HTTP/1.1\r\nHost: x\r\n\r\n"),
    "http-1.9": (400, b"GET /echo HTTP/1.9\r\nHost: x\r\n\r\n"),
    "http-0.9": (400, b"GET /echo\r\n\r\n"),
    "http-0.9-with-headers": (400, b"GET /echo HTTP/0.9\r\nHost: x\r\n\r\n"),
    "http-2.0-with-headers": (400, b"GET /echo HTTP/2.0\r\nHost: x\r\n\r\n"),
    "http-2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    "h2c-upgrade": (
        400,
        b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    ),
    "websocket": (
        400,
        b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    ),
    "33-kb-header": (431, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 33_000 + b"\r\n\r\n"),
    "64-kb-header": (431, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 65_536 + b"\r\n\r\n"),
    "1-mb-header": (431, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * (1 << 20) + b"\r\n\r\n"),
    "endless-header": (431, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 100_000),
    "1-mb-target": (431, b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "101-headers": (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 100 + b"\r\n"),
    "100k-headers": (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 100_000 + b"\r\n"),
    "101-trailers": (431, post(HOST + CHUNKED, b"0\r\n" + b"X: a\r\n" * 101 + b"\r\n")),
    "chunk-extension-flood": (400, post(HOST + CHUNKED, b"1;" + b"e" * 300_000)),
}


@pytest.mark.requirement("B2", "L1", "L4")
@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_is_not_plain_http_is_refused_and_ends_the_connection(
    run: Run, name: str
) -> None:
    status, raw = REFUSED[name]

    async def scenario() -> None:
        async with serving() as connect:
            for good_ones_before in (0, 1):
                client = await connect()
                for _ in range(good_ones_before):
                    await client.say(GOOD)
                    assert await client.hear() == (200, b"GET /ok 0")
                await client.say(raw)
                assert (await client.hear())[0] == status
                assert await client.is_closed()

    run(scenario())


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_waits_for_the_answer_to_the_request_before_it(run: Run, name: str) -> None:
    status, raw = REFUSED[name]

    async def scenario() -> None:
        may_answer = asyncio.Event()
        is_running = asyncio.Event()

        async def handler(request: HttpRequest) -> HttpResponse:
            async def body() -> AsyncIterator[bytes]:
                yield b"one"
                await may_answer.wait()
                yield b"two"

            is_running.set()
            return HttpResponse(200, [], body())

        async with serving(handler) as connect:
            client = await connect()
            await client.say(GOOD + raw)
            await is_running.wait()
            may_answer.set()
            assert await client.hear() == (200, b"onetwo")
            assert (await client.hear())[0] == status
            assert await client.is_closed()

    run(scenario())


ACCEPTED = {
    "keep-alive-3": [GOOD, GOOD, GOOD],
    "pipelined-3": [GOOD * 3],
    "byte-by-byte": [bytes([byte]) for byte in GOOD * 3],
    "empty-lines-between": [GOOD, b"\r\n" + GOOD, b"\r\n\r\n" + GOOD],
    "header-of-31-kb": [GOOD, GOOD[:-2] + b"X-A: " + b"a" * 31_000 + b"\r\n\r\n", GOOD],
    "100-headers": [GOOD, GOOD[:-2] + b"X: a\r\n" * 99 + b"\r\n", GOOD],
    "pipelined-heads-over-32-kb-in-all": [
        (GOOD[:-2] + b"X-A: " + b"a" * 15_000 + b"\r\n\r\n") * 3
    ],
    "host-forms": [
        b"GET /ok HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
        for host in (b"127.0.0.1:4141", b"[::1]:80", b"LOCALHOST.")
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_plain_requests_are_answered_on_one_connection(run: Run, name: str) -> None:
    async def scenario() -> None:
        async with serving() as connect:
            client = await connect()
            for raw in ACCEPTED[name]:
                await client.say(raw)
                await asyncio.sleep(0)
            for _ in range(3):
                assert await client.hear() == (200, b"GET /ok 0")

    run(scenario())


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        (post(HOST + b"Content-Length: 4\r\n", b"abcd"), 4),
        (post(HOST + CHUNKED, b"3;a=b\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), 4),
        (post(HOST + CHUNKED, b"3\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n"), 3),
        (post(HOST + b"Content-Length: 200000\r\n", b"a" * 200_000), 200_000),
        (post(HOST + CHUNKED, b"1\r\na\r\n" * 50_000 + NO_CHUNKS), 50_000),
    ],
    ids=["length", "extension", "trailer", "200-kb", "one-byte-chunks"],
)
def test_bodies_of_each_framing_are_read_whole(run: Run, raw: bytes, size: int) -> None:
    async def scenario() -> None:
        async with serving() as connect:
            client = await connect()
            for _ in range(2):
                await client.say(raw)
                assert await client.hear() == (200, b"POST /echo %d" % size)

    run(scenario())


def test_a_trailer_does_not_reach_the_headers_of_a_running_request(run: Run) -> None:
    async def headers(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], repr([name for name, _ in request.headers]).encode())

    async def scenario() -> None:
        async with serving(headers) as connect:
            client = await connect()
            await client.say(post(HOST + CHUNKED, b"0\r\nX-Api-Key: t\r\n\r\n"))
            assert await client.hear() == (200, b"[b'host', b'transfer-encoding']")

    run(scenario())


def test_an_http_1_0_client_gets_a_stream_it_can_read(run: Run) -> None:
    async def streamed(request: HttpRequest) -> HttpResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return HttpResponse(200, [], body())

    async def scenario() -> None:
        async with serving(streamed) as connect:
            client = await connect()
            await client.say(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert b"chunked" not in head
            assert await client.reader.read() == b"onetwo"

    run(scenario())


def test_a_client_that_asks_to_continue_is_told_to(run: Run) -> None:
    async def scenario() -> None:
        async with serving() as connect:
            client = await connect()
            await client.say(post(HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n"))
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.say(b"abcd")
            assert await client.hear() == (200, b"POST /echo 4")

    run(scenario())


TOO_SLOW = {
    "no-bytes": b"",
    "empty-line": b"\r\n",
    "half-a-request-line": b"GET /o",
    "header-never-ends": b"GET /ok HTTP/1.1\r\nHost: x\r\n",
    "body-never-comes": post(HOST + b"Content-Length: 4\r\n"),
    "body-never-ends": post(HOST + b"Content-Length: 4\r\n", b"ab"),
    "chunks-never-end": post(HOST + CHUNKED, b"3\r\nabc\r\n"),
    "trailer-never-ends": post(HOST + CHUNKED, b"0\r\nX-A: a"),
}


@pytest.mark.requirement("L2")
@pytest.mark.parametrize("name", TOO_SLOW)
def test_a_request_that_does_not_end_is_answered_408(run_by_hand: Any, name: str) -> None:
    async def scenario(loop: Any) -> None:
        async with serving(head_s=5, body_s=5) as connect:
            fresh, used = await connect(), await connect()
            await used.say(GOOD)
            assert await used.hear() == (200, b"GET /ok 0")
            for client in (fresh, used):
                # A used connection that says nothing is idle, which is another deadline.
                await client.say(TOO_SLOW[name] or (b"" if client is fresh else b"G"))
            await loop.pass_time(5.1, fresh.writer, used.writer)
            for client in (fresh, used):
                assert (await client.hear())[0] == 408
                assert await client.is_closed()

    run_by_hand(scenario)


@pytest.mark.requirement("L2")
@pytest.mark.parametrize(
    "prefix",
    [b"GET /ok HTTP/1.1\r\nX-A: ", b"\r\n", post(HOST + b"Content-Length: 999\r\n")],
    ids=["header", "empty-lines", "body"],
)
def test_a_drip_of_bytes_does_not_put_the_deadline_off(run: Run, prefix: bytes) -> None:
    drip = b"\r\n" if prefix == b"\r\n" else b"a"

    async def scenario() -> None:
        async with serving(head_s=0.2, body_s=0.2) as connect:
            client = await connect()
            await client.say(prefix)
            answer = asyncio.ensure_future(client.hear())
            while not answer.done():
                await asyncio.wait([answer], timeout=0.02)
                if not answer.done():
                    await client.say(drip)
            assert answer.result()[0] == 408
            assert await client.is_closed()

    run(scenario())


def test_an_upload_that_moves_outlives_the_body_deadline(run_by_hand: Any) -> None:
    async def scenario(loop: Any) -> None:
        async with serving(body_s=2) as connect:
            client = await connect()
            await client.say(post(HOST + b"Content-Length: 10000\r\n"))
            for _ in range(10):
                await loop.pass_time(0.6, client.writer)
                await client.say(b"a" * 1000)
            assert await client.hear() == (200, b"POST /echo 10000")

    run_by_hand(scenario)


@pytest.mark.requirement("L2")
def test_an_idle_connection_is_closed_without_a_word(run: Run) -> None:
    async def scenario() -> None:
        async with serving(keep_alive_s=0.15) as connect:
            client = await connect()
            await client.say(GOOD)
            assert await client.hear() == (200, b"GET /ok 0")
            assert await client.is_closed()

    run(scenario())


def test_a_long_stream_is_not_cut_by_any_deadline(run_by_hand: Any) -> None:
    async def scenario(loop: Any) -> None:
        async def handler(request: HttpRequest) -> HttpResponse:
            async def body() -> AsyncIterator[bytes]:
                for number in range(8):
                    await loop.pass_time(0.8)
                    yield b"%d" % number

            return HttpResponse(200, [], body())

        async with serving(handler, head_s=1, body_s=1, keep_alive_s=1, write_s=1) as connect:
            client = await connect()
            await client.say(post(HOST + b"Content-Length: 2\r\n", b"ab\r\n"))
            assert await client.hear() == (200, b"01234567")

    run_by_hand(scenario)


def test_a_request_begun_during_a_long_answer_has_its_whole_time_after_it(
    run_by_hand: Any,
) -> None:
    async def scenario(loop: Any) -> None:
        may_end = asyncio.Event()

        async def handler(request: HttpRequest) -> HttpResponse:
            async def body() -> AsyncIterator[bytes]:
                yield b"one"
                await may_end.wait()

            return HttpResponse(200, [], body())

        async with serving(handler, head_s=3, keep_alive_s=0.5) as connect:
            client = await connect()
            await client.say(GOOD)
            await client.reader.readuntil(b"one\r\n")
            await client.say(GOOD[:20])
            await loop.pass_time(5, client.writer)  # past the header's deadline
            may_end.set()
            assert await client.reader.readuntil(b"0\r\n\r\n") == b"0\r\n\r\n"
            await loop.pass_time(2)  # past that of an idle connection
            await client.say(GOOD[20:])
            assert await client.hear() == (200, b"one")

    run_by_hand(scenario)


@pytest.mark.requirement("L2")
def test_a_connection_over_the_cap_is_told_to_come_back(run: Run) -> None:
    async def scenario() -> None:
        async with serving(connections=2) as connect:
            kept = [await connect() for _ in range(2)]
            for client in kept:
                await client.say(GOOD)
                assert (await client.hear())[0] == 200
            surplus = await connect()
            await surplus.say(GOOD)
            head = await surplus.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in head
            kept[0].writer.close()
            surplus.writer.close()
            await kept[1].say(GOOD)
            assert (await kept[1].hear())[0] == 200

    run(scenario())


def test_a_place_is_free_again_when_its_connection_closes(run: Run) -> None:
    async def scenario() -> None:
        async with serving(connections=1) as connect:
            for _ in range(3):
                client = await connect()
                await client.say(GOOD[:-2] + b"Connection: close\r\n\r\n")
                assert (await client.hear())[0] == 200
                assert await client.is_closed()

    run(scenario())


@pytest.mark.requirement("L3")
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_a_client_that_stops_reading_is_cut_off(
    run: Run, is_stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        was_cut = asyncio.Event()
        is_settled = asyncio.Event()

        async def handler(request: HttpRequest) -> HttpResponse:
            async def body() -> AsyncIterator[bytes]:
                try:
                    while True:
                        yield bytes(1 << 20)
                finally:
                    is_settled.set()

            if is_stream:
                return HttpResponse(200, [], body())
            is_settled.set()
            return HttpResponse(200, [], bytes(64 << 20))

        def note(record: logging.LogRecord) -> bool:
            was_cut.set()
            return True

        caplog.handler.addFilter(note)
        async with serving(handler, write_s=0.15) as connect:
            client = await connect()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await client.say(GOOD)
            await was_cut.wait()
            await is_settled.wait()
            assert caplog.messages == ["closed a connection whose client stopped reading"]
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.reader.readexactly(64 << 20)

    run(scenario())
