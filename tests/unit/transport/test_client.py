"""The client against upstreams that answer in every way the protocol allows, and some it does not."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tanzaku.core import SystemClock, VirtualClock
from tanzaku.transport import (
    BrokenResponse,
    ClientResponse,
    ConnectError,
    HttpClient,
    HttpRequest,
    RequestRefusedError,
    Timeouts,
    TlsError,
    TransportError,
    UpstreamTimeout,
    close_body,
    read_all,
)

type Run = Callable[[Coroutine[Any, Any, Any]], Any]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
GET = HttpRequest("GET", "/", [], b"")
POST = HttpRequest("POST", "/v1/messages", [(b"x-api-key", b"k")], b'{"a": 1}')


def new_client(**options: Any) -> HttpClient:
    return HttpClient(**({"clock": SystemClock()} | options))


async def fetch(client: HttpClient, url: str, request: HttpRequest = GET) -> tuple[int, bytes]:
    response = await client.send(request, base_url=url)
    return response.status, await read_all(response)


def answering(*answers: bytes) -> Callable[[Any], Coroutine[Any, Any, None]]:
    """A script: one answer to each request on a connection, then the end of it."""

    async def script(link: Any) -> None:
        for answer in answers:
            await link.read_request()
            await link.send(answer)

    return script


def test_a_request_is_written_with_framing_of_the_clients_own(run: Run, upstream: Any) -> None:
    request = HttpRequest(
        "POST",
        "/v1/messages?beta=true",
        [
            (b"host", b"evil.test"),
            (b"Content-Length", b"999"),
            (b"transfer-encoding", b"chunked"),
            (b"connection", b"close, x-hop"),
            (b"x-hop", b"1"),
            (b"expect", b"100-continue"),
            (b"x-api-key", b"k"),
            (b"anthropic-version", b"2023-06-01"),
        ],
        b"{}",
    )

    async def scenario() -> None:
        async with upstream(answering(OK)) as it, new_client() as client:
            assert await fetch(client, f"{it.url}/base/", request) == (200, b"ok")
            assert bytes(it.links[0].received) == (
                b"POST /base/v1/messages?beta=true HTTP/1.1\r\n"
                b"host: 127.0.0.1:%d\r\n"
                b"x-api-key: k\r\n"
                b"anthropic-version: 2023-06-01\r\n"
                b"content-length: 2\r\n\r\n{}" % it.port
            )

    run(scenario())


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kept: yes\r\n\r\n"
    b'5;name="v"\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: t\r\n\r\n'
)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 11, 1000])
def test_a_chunked_answer_is_read_whole_however_it_is_cut(
    run: Run, upstream: Any, step: int
) -> None:
    pieces = [CHUNKED[start : start + step] for start in range(0, len(CHUNKED), step)]

    async def script(link: Any) -> None:
        for _ in range(2):
            await link.read_request()
            await link.send(*pieces)

    async def scenario() -> None:
        async with upstream(script) as it, new_client() as client:
            for _ in range(2):
                response = await client.send(GET, base_url=it.url)
                assert response.headers == [(b"x-kept", b"yes")]
                assert await read_all(response) == b"hello world"
            assert len(it.links) == 1

    run(scenario())


def test_a_stream_arrives_piece_by_piece(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        may_go_on = asyncio.Event()

        async def script(link: Any) -> None:
            await link.read_request()
            await link.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
            await may_go_on.wait()
            await link.send(b"1\r\nb\r\n0\r\n\r\n")

        async with upstream(script) as it, new_client() as client:
            response = await client.send(GET, base_url=it.url)
            assert not isinstance(response.body, bytes)
            assert await anext(response.body) == b"a"
            assert response.timings.last_byte_at is None
            may_go_on.set()
            assert [chunk async for chunk in response.body] == [b"b"]

    run(scenario())


@pytest.mark.parametrize(
    ("method", "answer", "status", "body"),
    [
        ("GET", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, b""),
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", 200, b""),
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-empty:\r\n\r\n", 200, b""),
        ("GET", b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", 200, b"ok"),
        ("GET", b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", 302, b""),
    ],
    ids=["interim", "204", "304", "head", "empty", "http-1.0-keep-alive", "redirect"],
)  # fmt: skip
def test_an_answer_of_each_framing_leaves_the_connection_usable(
    run: Run, upstream: Any, method: str, answer: bytes, status: int, body: bytes
) -> None:
    async def scenario() -> None:
        async with upstream(answering(answer, OK)) as it, new_client() as client:
            assert await fetch(client, it.url, HttpRequest(method, "/", [], b"")) == (status, body)
            assert await fetch(client, it.url) == (200, b"ok")
            assert len(it.links) == 1

    run(scenario())


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_body_without_a_length_ends_with_the_connection(
    run: Run, upstream: Any, version: bytes
) -> None:
    async def script(link: Any) -> None:
        await link.read_request()
        await link.send(b"HTTP/%b 200 OK\r\n\r\nall " % version, b"of it")

    async def scenario() -> None:
        async with upstream(script) as it, new_client() as client:
            assert await fetch(client, it.url) == (200, b"all of it")

    run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=["short-length", "no-last-chunk", "cut-chunk", "cut-header", "only-interim"],
)
def test_a_broken_answer_is_an_error_that_counts_what_came(
    run: Run, upstream: Any, answer: bytes
) -> None:
    async def scenario() -> None:
        async with upstream(answering(answer)) as it, new_client() as client:
            with pytest.raises(BrokenResponse) as caught:
                await fetch(client, it.url)
            assert caught.value.response_bytes_received > 0
            assert caught.value.request_bytes_sent > 0
            assert len(it.links) == 1

    run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-big: " + b"a" * 33_000 + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 6_000 + b"content-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-endless: " + b"a" * 200_000,
        b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n" * 8_000 + OK,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: " + b"a" * 200_000,
    ],
    ids=[
        "not-http", "length-and-chunked", "bare-lf", "101-bare", "101", "big-header", "many-headers",
        "endless-header", "endless-interim", "endless-trailer",
    ],
)  # fmt: skip
def test_an_answer_that_is_not_http_is_cut_off_at_once(
    run: Run, upstream: Any, answer: bytes
) -> None:
    async def script(link: Any) -> None:
        await link.read_request()
        await link.send(answer)
        await link.wait_closed()

    async def scenario() -> None:
        async with upstream(script) as it, new_client() as client:
            with pytest.raises(BrokenResponse) as caught:
                await fetch(client, it.url)
            assert caught.value.response_bytes_received > 0

    run(scenario())


def test_a_stale_connection_is_retried_once_on_a_new_one(run: Run, upstream: Any) -> None:
    async def script(link: Any) -> None:
        await link.read_request()
        await link.send(OK)
        await link.read_request()

    async def scenario() -> None:
        async with upstream(script) as it, new_client() as client:
            await fetch(client, it.url)
            assert await fetch(client, it.url, POST) == (200, b"ok")
            assert len(it.links) == 2

    run(scenario())


def test_the_retry_passes_over_other_stale_connections(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        both_wait = asyncio.Barrier(2)
        is_restarted = False

        async def script(link: Any) -> None:
            await link.read_request()
            if is_restarted:
                await link.send(OK)
                return
            await both_wait.wait()
            await link.send(OK)
            await link.read_request()

        async with upstream(script) as it, new_client() as client:
            await asyncio.gather(fetch(client, it.url), fetch(client, it.url))
            is_restarted = True
            assert await fetch(client, it.url, POST) == (200, b"ok")
            assert len(it.links) == 3

    run(scenario())


def test_the_retry_itself_is_not_retried(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        served = 0

        async def script(link: Any) -> None:
            nonlocal served
            await link.read_request()
            served += 1
            if served == 1:
                await link.send(OK)
                await link.read_request()

        async with upstream(script) as it, new_client() as client:
            await fetch(client, it.url)
            with pytest.raises(BrokenResponse) as caught:
                await fetch(client, it.url)
            assert caught.value.response_bytes_received == 0
            assert len(it.links) == 2

    run(scenario())


def test_a_new_connection_that_breaks_is_not_retried(run: Run, upstream: Any) -> None:
    async def script(link: Any) -> None:
        await link.read_request()

    async def scenario() -> None:
        async with upstream(script) as it, new_client() as client:
            with pytest.raises(BrokenResponse) as caught:
                await fetch(client, it.url, POST)
            assert caught.value.response_bytes_received == 0
            assert len(it.links) == 1

    run(scenario())


def test_a_reused_connection_that_breaks_after_a_byte_is_not_retried(
    run: Run, upstream: Any
) -> None:
    async def scenario() -> None:
        async with upstream(answering(OK, b"H")) as it, new_client() as client:
            await fetch(client, it.url)
            with pytest.raises(BrokenResponse) as caught:
                await fetch(client, it.url, POST)
            assert caught.value.response_bytes_received == 1
            assert len(it.links) == 1

    run(scenario())


@pytest.mark.parametrize(
    "first",
    [
        OK + OK,
        OK + NO_CONTENT,
        OK + b"x",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    ],
    ids=["second-response", "second-without-body", "stray-byte", "close"],
)
def test_a_connection_that_says_more_than_asked_is_not_used_again(
    run: Run, upstream: Any, first: bytes
) -> None:
    async def script(link: Any) -> None:
        await link.read_request()
        await link.send(first)
        await link.wait_closed()

    async def scenario() -> None:
        async with upstream(script) as it, new_client() as client:
            assert await fetch(client, it.url) == (200, b"ok")
            assert await fetch(client, it.url) == (200, b"ok")
            assert len(it.links) == 2

    run(scenario())


def test_bytes_on_an_idle_connection_close_it(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        is_idle = asyncio.Event()
        was_closed = asyncio.Event()

        async def script(link: Any) -> None:
            await link.read_request()
            await link.send(OK)
            await is_idle.wait()
            await link.send(OK)
            await link.wait_closed()
            was_closed.set()

        async with upstream(script) as it, new_client(idle_keepalive_s=600) as client:
            await fetch(client, it.url)
            is_idle.set()
            await was_closed.wait()

    run(scenario())


def test_an_answer_before_the_body_is_written_closes_the_connection(
    run: Run, upstream: Any
) -> None:
    async def script(link: Any) -> None:
        await link.reader.readuntil(b"\r\n\r\n")
        await link.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await link.wait_closed()

    async def scenario() -> None:
        big = HttpRequest("POST", "/", [], bytes(64 << 20))
        async with upstream(script) as it, new_client() as client:
            assert await fetch(client, it.url, big) == (413, b"big")
            assert await fetch(client, it.url, GET) == (413, b"big")
            assert len(it.links) == 2

    run(scenario())


def test_a_large_body_is_written_whole(run: Run, upstream: Any) -> None:
    body = bytes(range(256)) * 40_000

    async def script(link: Any) -> None:
        assert (await link.read_request()).partition(b"\r\n\r\n")[2] == body
        await link.send(OK)

    async def scenario() -> None:
        async with upstream(script) as it, new_client() as client:
            assert await fetch(client, it.url, HttpRequest("POST", "/", [], body)) == (200, b"ok")

    run(scenario())


def test_an_unread_body_stops_the_upstream_and_is_complete_in_the_end(
    run: Run, upstream: Any
) -> None:
    piece = bytes(1 << 20)
    total = 64

    async def scenario() -> None:
        is_blocked = asyncio.Event()
        sent = 0

        async def script(link: Any) -> None:
            nonlocal sent
            await link.read_request()
            link.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (total << 20))
            for _ in range(total):
                link.writer.write(piece)
                drained = asyncio.ensure_future(link.writer.drain())
                await asyncio.wait([drained], timeout=0.3)
                if not drained.done():
                    is_blocked.set()
                await drained
                sent += 1

        async with upstream(script) as it, new_client() as client:
            response = await client.send(GET, base_url=it.url)
            await is_blocked.wait()
            assert sent < 32  # what the kernel's buffers hold, far from all
            assert len(await read_all(response)) == total << 20

    run(scenario())


@pytest.mark.parametrize("has_head", [False, True], ids=["before-the-header", "mid-stream"])
def test_cancelling_closes_the_connection_at_once_and_frees_its_place(
    run: Run, upstream: Any, has_head: bool
) -> None:
    async def scenario() -> None:
        is_waiting = asyncio.Event()
        was_closed = asyncio.Event()

        async def script(link: Any) -> None:
            await link.read_request()
            if was_closed.is_set():
                await link.send(OK)
                return
            if has_head:
                await link.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            is_waiting.set()
            await link.wait_closed()
            was_closed.set()

        async with upstream(script) as it, new_client(max_connections=1) as client:
            task = asyncio.create_task(fetch(client, it.url))
            await is_waiting.wait()
            await asyncio.sleep(0)
            task.cancel()
            await was_closed.wait()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await fetch(client, it.url) == (200, b"ok")

    run(scenario())


@pytest.mark.parametrize("is_dropped", [False, True], ids=["closed", "forgotten"])
def test_a_stream_that_is_not_read_to_its_end_gives_its_place_back(
    run: Run, upstream: Any, is_dropped: bool
) -> None:
    async def script(link: Any) -> None:
        await link.read_request()
        await link.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await link.wait_closed()

    async def scenario() -> None:
        async with upstream(script) as it, new_client(max_connections=1) as client:
            for count in (1, 2):
                response = await client.send(GET, base_url=it.url)
                if not is_dropped:
                    await close_body(response.body)
                del response
                assert len(it.links) == count

    run(scenario())


def test_a_stream_closed_after_its_last_byte_keeps_its_connection(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        may_go_on = asyncio.Event()

        async def script(link: Any) -> None:
            await link.read_request()
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
            await may_go_on.wait()
            await link.send(b"last")
            await link.read_request()
            await link.send(OK)

        async with upstream(script) as it, new_client() as client:
            response = await client.send(GET, base_url=it.url)
            assert not isinstance(response.body, bytes)
            may_go_on.set()
            assert await anext(response.body) == b"last"
            await close_body(response.body)
            assert await fetch(client, it.url) == (200, b"ok")
            assert len(it.links) == 1

    run(scenario())


@pytest.mark.requirement("L2")
@pytest.mark.parametrize("phase", ["connect", "write", "first_byte", "idle", "pool"])
def test_each_phase_has_its_limit(run: Run, upstream: Any, phase: str) -> None:
    limits = Timeouts(pool_s=5, connect_s=5, first_byte_s=5, idle_s=5)
    short = {"write": "idle_s"}.get(phase, f"{phase}_s")
    timeouts = Timeouts(**{name: getattr(limits, name) for name in limits.__slots__} | {short: 0.1})

    async def scenario() -> None:
        async def script(link: Any) -> None:
            if phase == "connect":
                await link.reader.read(1)
            elif phase != "write":
                await link.read_request()
                if phase != "first_byte":
                    await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx")
            await asyncio.Event().wait()

        async with (
            upstream(script) as it,
            new_client(timeouts=timeouts, max_connections=1) as client,
        ):
            url = it.url.replace("http", "https") if phase == "connect" else it.url
            body = bytes(64 << 20) if phase == "write" else b""

            async def exchange() -> None:
                response = await client.send(HttpRequest("POST", "/", [], body), base_url=url)
                if phase == "pool":
                    await client.send(GET, base_url=url)
                await read_all(response)

            with pytest.raises(UpstreamTimeout) as caught:
                await exchange()
            assert caught.value.phase == phase
            assert (caught.value.response_bytes_received > 0) == (phase == "idle")
            assert (caught.value.request_bytes_sent > 0) == (phase not in ("connect", "pool"))

    run(scenario())


def test_interim_answers_do_not_put_the_first_byte_off(run_by_hand: Any, upstream: Any) -> None:
    async def scenario(loop: Any) -> None:
        async def script(link: Any) -> None:
            await link.read_request()
            for _ in range(6):
                await link.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                await loop.pass_time(1, link.writer)
            await link.send(OK)

        async with (
            upstream(script) as it,
            new_client(timeouts=Timeouts(first_byte_s=3)) as client,
        ):
            with pytest.raises(UpstreamTimeout) as caught:
                await fetch(client, it.url)
            assert caught.value.phase == "first_byte"
            assert caught.value.response_bytes_received > 0

    run_by_hand(scenario)


def test_a_slow_stream_is_not_cut_while_it_moves(run_by_hand: Any, upstream: Any) -> None:
    async def scenario(loop: Any) -> None:
        async def script(link: Any) -> None:
            await link.read_request()
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n")
            for letter in (b"a", b"b", b"c", b"d", b"e", b"f"):
                await link.send(letter)
                await loop.pass_time(1, link.writer)

        timeouts = Timeouts(idle_s=1.5)
        async with upstream(script) as it, new_client(timeouts=timeouts) as client:
            response = await client.send(GET, base_url=it.url)
            assert not isinstance(response.body, bytes)
            assert b"".join([chunk async for chunk in response.body]) == b"abcdef"

    run_by_hand(scenario)


@pytest.mark.requirement("L4")
@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("GET", "/", [(b"x", b"a\r\nx-smuggled: 1")], b""),
        HttpRequest("GET", "/", [(b"x", b"a\nb")], b""),
        HttpRequest("GET", "/", [(b"x", b"a\rb")], b""),
        HttpRequest("GET", "/", [(b"x", b"a\0b")], b""),
        HttpRequest("GET", "/", [(b"x\r\ny", b"a")], b""),
        HttpRequest("GET", "/", [(b"x y", b"a")], b""),
        HttpRequest("GET", "/", [(b"x:", b"a")], b""),
        HttpRequest("GET", "/", [(b"", b"a")], b""),
        HttpRequest("GET", "/", [("n\u00e4me".encode(), b"a")], b""),
        HttpRequest("GET", "/ HTTP/1.1\r\nx: y\r\n\r\nGET /", [], b""),
        HttpRequest("GET", "/a b", [], b""),
        HttpRequest("GET", "/\0", [], b""),
        HttpRequest("GET", "/#x", [], b""),
        HttpRequest("GET", "/\u4f60", [], b""),
        HttpRequest("GET", "http://evil.test/", [], b""),
        HttpRequest("GET", "@evil.test/", [], b""),
        HttpRequest("GET", "", [], b""),
        HttpRequest("G T", "/", [], b""),
        HttpRequest("CONNECT", "/", [], b""),
    ],
)
def test_a_request_that_would_smuggle_is_refused_before_connecting(
    run: Run, upstream: Any, request_: HttpRequest
) -> None:
    async def scenario() -> None:
        async with upstream(answering(OK)) as it, new_client() as client:
            with pytest.raises(RequestRefusedError):
                await client.send(request_, base_url=it.url)
            assert it.links == []

    run(scenario())


def test_a_refused_header_is_named_without_its_value(run: Run) -> None:
    async def scenario() -> None:
        request = HttpRequest("GET", "/", [(b"x-api-key", b"sk-ant-canary\n")], b"")
        async with new_client() as client:
            with pytest.raises(RequestRefusedError, match="x-api-key") as caught:
                await client.send(request, base_url="http://127.0.0.1:9")
            assert "canary" not in str(caught.value)

    run(scenario())


@pytest.mark.requirement("L5")
@pytest.mark.parametrize(
    "base_url",
    ["", "ftp://h", "http://", "http://u:canary@h", "http://h?q", "http://h/#f", "http://h:99999",
     "http://a b", "http://h/\r\nx", "//h", "http://[::1"],
)  # fmt: skip
def test_a_base_url_that_is_not_plain_is_refused(run: Run, base_url: str) -> None:
    async def scenario() -> None:
        async with new_client() as client:
            with pytest.raises(RequestRefusedError) as caught:
                await client.send(GET, base_url=base_url)
            assert "canary" not in str(caught.value)

    run(scenario())


def test_the_pool_holds_its_limit_and_serves_everyone(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        busy = 0
        peak = 0

        async def script(link: Any) -> None:
            nonlocal busy, peak
            while True:
                await link.read_request()
                busy += 1
                peak = max(peak, busy)
                await link.send(b"HTTP/1.1 200 OK\r\n", b"content-length: 2\r\n\r\n")
                busy -= 1
                await link.send(b"ok")

        async with upstream(script) as it, new_client(max_connections=2) as client:
            answers = await asyncio.gather(*(fetch(client, it.url) for _ in range(20)))
            assert answers == [(200, b"ok")] * 20
            assert peak <= 2
            assert len(it.links) == 2

    run(scenario())


def test_a_place_passes_on_when_its_connection_dies(run: Run, upstream: Any) -> None:
    async def script(link: Any) -> None:
        await link.read_request()
        await link.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")

    async def scenario() -> None:
        async with upstream(script) as it, new_client(max_connections=2) as client:
            answers = await asyncio.gather(*(fetch(client, it.url) for _ in range(10)))
            assert answers == [(200, b"ok")] * 10
            assert len(it.links) == 10

    run(scenario())


@pytest.mark.parametrize(("idle_s", "connections"), [(3.9, 1), (4.1, 2)])
def test_an_idle_connection_is_reused_only_below_its_limit(
    run: Run, upstream: Any, idle_s: float, connections: int
) -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        async with (
            upstream(answering(OK, OK)) as it,
            new_client(clock=clock, idle_keepalive_s=4.0) as client,
        ):
            await fetch(client, it.url)
            clock.advance(idle_s)
            await fetch(client, it.url)
            assert len(it.links) == connections

    run(scenario())


def test_an_idle_connection_is_closed_without_a_further_request(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        was_closed = asyncio.Event()

        async def script(link: Any) -> None:
            await link.read_request()
            await link.send(OK)
            await link.wait_closed()
            was_closed.set()

        async with upstream(script) as it, new_client(idle_keepalive_s=0.05) as client:
            await fetch(client, it.url)
            await was_closed.wait()

    run(scenario())


@pytest.mark.requirement("L5")
def test_proxies_of_the_environment_are_ignored(
    run: Run, upstream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def scenario() -> None:
        async with upstream(answering(OK)) as it, new_client() as client:
            assert await fetch(client, it.url) == (200, b"ok")

    run(scenario())


def test_a_compressed_answer_is_passed_on_as_it_is(run: Run, upstream: Any) -> None:
    packed = gzip.compress(b"hello")
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)

    async def scenario() -> None:
        async with upstream(answering(head + packed)) as it, new_client() as client:
            response = await client.send(GET, base_url=it.url)
            assert (b"content-encoding", b"gzip") in response.headers
            assert await read_all(response) == packed

    run(scenario())


def test_a_refused_connection_says_where_it_went(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        async with upstream(answering()) as it:
            url = it.url
        async with new_client() as client:
            with pytest.raises(ConnectError, match=r"127\.0\.0\.1:\d+") as caught:
                await client.send(GET, base_url=url)
            assert caught.value.request_bytes_sent == 0

    run(scenario())


def test_a_name_with_dead_addresses_before_the_good_one_still_connects(
    run: Run, upstream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with upstream(answering()) as gone:
            dead_port = gone.port
        async with upstream(answering(OK)) as it, new_client() as client:
            loop_type = type(asyncio.get_running_loop())
            real = loop_type.getaddrinfo

            async def resolve(loop: Any, host: Any, *rest: Any, **options: Any) -> Any:
                if host != "upstream.test":
                    return await real(loop, host, *rest, **options)
                ports = (dead_port, dead_port, it.port)
                return [
                    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
                    for port in ports
                ]

            monkeypatch.setattr(loop_type, "getaddrinfo", resolve)
            assert await fetch(client, f"http://upstream.test:{it.port}") == (200, b"ok")

    run(scenario())


def test_closing_the_client_ends_a_stream_under_way_with_an_error(run: Run, upstream: Any) -> None:
    async def script(link: Any) -> None:
        await link.read_request()
        await link.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        await link.wait_closed()

    async def scenario() -> None:
        async with upstream(script) as it:
            client = new_client()
            response = await client.send(GET, base_url=it.url)
            await client.close()
            with pytest.raises(BrokenResponse):
                await read_all(response)

    run(scenario())


def test_timings_follow_the_order_of_events(run: Run, upstream: Any) -> None:
    async def scenario() -> None:
        clock = VirtualClock()
        body_may_come = asyncio.Event()

        async def script(link: Any) -> None:
            await link.read_request()
            clock.advance(1)
            await link.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
            await body_may_come.wait()
            clock.advance(1)
            await link.send(b"o")
            await body_may_come.wait()
            clock.advance(1)
            await link.send(b"k")

        async with upstream(script) as it, new_client(clock=clock) as client:
            response: ClientResponse = await client.send(GET, base_url=it.url)
            assert not isinstance(response.body, bytes)
            body_may_come.set()
            assert await anext(response.body) in (b"o", b"ok")
            async for _ in response.body:
                pass
            timings = response.timings
            assert timings.sent_at == 0
            assert timings.head_at == 1
            assert timings.first_byte_at in (2, 3)
            assert timings.last_byte_at == 3
            assert not timings.is_reused

    run(scenario())


def test_a_trusted_certificate_is_accepted_and_the_name_is_sent(
    run: Run, upstream: Any, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    names: list[str | None] = []
    server_tls.sni_callback = lambda _socket, name, _context: names.append(name)

    async def script(link: Any) -> None:
        for _ in range(2):
            await link.read_request()
            await link.send(CHUNKED)

    async def scenario() -> None:
        async with upstream(script, server_tls) as it, new_client(ssl_context=client_tls) as client:
            url = it.url.replace("127.0.0.1", "localhost")
            for _ in range(2):
                assert await fetch(client, url, POST) == (200, b"hello world")
            assert len(it.links) == 1
        assert names == ["localhost"]

    run(scenario())


def test_a_tls_upstream_that_drops_the_line_after_its_answer_is_fine(
    run: Run, upstream: Any, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async def script(link: Any) -> None:
        await link.read_request()
        await link.send(OK)
        link.writer.transport.abort()  # no close_notify

    async def scenario() -> None:
        async with upstream(script, server_tls) as it, new_client(ssl_context=client_tls) as client:
            url = it.url.replace("127.0.0.1", "localhost")
            for count in (1, 2):
                assert await fetch(client, url) == (200, b"ok")
                assert len(it.links) == count

    run(scenario())


@pytest.mark.parametrize("fault", ["unknown-authority", "wrong-name", "not-tls"])
def test_a_doubtful_certificate_is_refused(
    run: Run, upstream: Any, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, fault: str
) -> None:
    async def script(link: Any) -> None:
        await link.reader.read(100)
        await link.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def scenario() -> None:
        tls = None if fault == "not-tls" else server_tls
        context = None if fault == "unknown-authority" else client_tls
        async with upstream(script, tls) as it, new_client(ssl_context=context) as client:
            url = f"https://{'127.0.0.1' if fault == 'wrong-name' else 'localhost'}:{it.port}"
            with pytest.raises(TlsError) as caught:
                await client.send(GET, base_url=url)
            assert isinstance(caught.value, TransportError)
            assert caught.value.request_bytes_sent == 0

    run(scenario())
