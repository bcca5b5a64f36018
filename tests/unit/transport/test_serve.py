"""Handlers behind a real server: bodies in, answers out, clients that leave, drains, threads."""

import asyncio
import http.client
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, override

import pytest

from harness.beats import comes_within
from tanzaku.core import SystemClock, UserError
from tanzaku.transport import (
    BodyLimit,
    Handler,
    HttpClient,
    HttpRequest,
    HttpResponse,
    ThreadedServer,
    read_all,
    serve,
)

type Run = Callable[[Coroutine[Any, Any, Any]], Any]

LIMIT = 1000


def refusal(status: int, reason: str) -> HttpResponse:
    return HttpResponse(status, [(b"content-type", b"application/json")], b"{%d}" % status)


def serve_limited(handler: Handler, *place: Any, **more: Any) -> Any:
    return serve(handler, *place, max_body_bytes=LIMIT, on_refusal=refusal, **more)


async def show(request: HttpRequest) -> HttpResponse:
    shown = (request.method, request.target, request.headers[-1], request.body)
    return HttpResponse(201, [(b"x-set", b"1"), (b"x-set", b"2")], repr(shown).encode())


class Countdown(AsyncIterator[bytes]):
    """A stream that waits for `may_go_on` after its first chunk and counts its closings."""

    def __init__(self) -> None:
        self.closings = 0
        self.is_started = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.is_closed = asyncio.Event()
        self._sent = 0

    @override
    async def __anext__(self) -> bytes:
        self._sent += 1
        if self._sent == 1:
            return b"first"
        self.is_started.set()
        await self.may_go_on.wait()
        if self._sent == 2:
            return b"second"
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closings += 1
        self.is_closed.set()


def test_a_request_reaches_the_handler_as_it_was_sent(run: Run) -> None:
    async def scenario() -> None:
        async with serve_limited(show) as running, HttpClient(clock=SystemClock()) as client:
            request = HttpRequest(
                "PUT", "/a%2Fb//c%20d?x=%5B%5D&y", [(b"X-Case", b"Kept")], b"\0\xff"
            )
            response = await client.send(request, base_url=running.url)
            assert response.status == 201
            assert [value for name, value in response.headers if name == b"x-set"] == [b"1", b"2"]
            assert (
                await read_all(response)
                == repr(
                    ("PUT", "/a%2Fb//c%20d?x=%5B%5D&y", (b"content-length", b"2"), b"\0\xff")
                ).encode()
            )

    run(scenario())


@pytest.mark.requirement("L1")
@pytest.mark.parametrize(
    ("size", "status"),
    [(0, 200), (LIMIT, 200), (LIMIT + 1, 413), (2 * LIMIT, 413), (2 * LIMIT + 1, 413), (3 << 20, 413)],
)  # fmt: skip
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_a_body_over_the_limit_never_reaches_the_handler(
    run: Run, size: int, status: int, is_chunked: bool
) -> None:
    async def scenario() -> None:
        sizes: list[int] = []

        async def handler(request: HttpRequest) -> HttpResponse:
            sizes.append(len(request.body))
            return HttpResponse(200, [], b"")

        async with serve_limited(handler) as running:
            reader, writer = await asyncio.open_connection(running.host, running.port)
            framing = b"transfer-encoding: chunked" if is_chunked else b"content-length: %d" % size
            writer.write(b"POST / HTTP/1.1\r\nhost: localhost\r\n%b\r\n\r\n" % framing)
            if is_chunked:
                half = size // 2
                for part in (half, size - half):
                    if part:
                        writer.write(b"%x\r\n%b\r\n" % (part, bytes(part)))
                writer.write(b"0\r\n\r\n")
            else:
                writer.write(bytes(size))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % status)
            assert sizes == ([size] if status == 200 else [])
            if status == 413:
                assert await reader.readexactly(5) == b"{413}"
            writer.transport.abort()

    run(scenario())


@pytest.mark.requirement("L1")
def test_an_upload_without_end_is_answered_before_its_end(run: Run) -> None:
    async def scenario() -> None:
        async with serve_limited(show) as running:
            reader, writer = await asyncio.open_connection(running.host, running.port)
            head = b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
            writer.write(head + (b"%x\r\n%b\r\n" % (LIMIT, bytes(LIMIT))) * 3)
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"\r\nconnection: close\r\n" in answer
            writer.close()

    run(scenario())


def test_a_failing_handler_is_answered_and_logged_without_its_secrets(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("no luck with sk-ant-canary-123")

    async def scenario() -> None:
        async with serve_limited(handler) as running, HttpClient(clock=SystemClock()) as client:
            for _ in range(2):
                response = await client.send(HttpRequest("GET", "/", [], b""), base_url=running.url)
                assert (response.status, await read_all(response)) == (500, b"{500}")

    run(scenario())
    assert "no luck with [redacted]" in caplog.text
    assert "canary" not in caplog.text


def test_a_stream_that_fails_ends_with_a_cut_connection(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"begun"
            raise RuntimeError("sk-ant-canary-123")

        return HttpResponse(200, [], body())

    async def scenario() -> None:
        async with serve_limited(handler) as running:
            reader, writer = await asyncio.open_connection(running.host, running.port)
            writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            answer = await reader.read()
            writer.close()
        assert answer.endswith(b"\r\n\r\n5\r\nbegun\r\n")

    run(scenario())
    assert "canary" not in caplog.text


def test_a_stream_passes_chunk_by_chunk_and_is_closed_once(run: Run) -> None:
    async def scenario() -> None:
        stream = Countdown()

        async def handler(request: HttpRequest) -> HttpResponse:
            return HttpResponse(200, [], stream)

        async with serve_limited(handler) as running, HttpClient(clock=SystemClock()) as client:
            response = await client.send(HttpRequest("GET", "/", [], b""), base_url=running.url)
            assert not isinstance(response.body, bytes)
            assert await anext(response.body) == b"first"
            stream.may_go_on.set()
            assert b"".join([chunk async for chunk in response.body]) == b"second"
        assert stream.closings == 1

    run(scenario())


@pytest.mark.parametrize("is_reset", [False, True], ids=["fin", "rst"])
def test_a_client_that_leaves_mid_stream_closes_the_body_once(run: Run, is_reset: bool) -> None:
    async def scenario() -> None:
        stream = Countdown()

        async def handler(request: HttpRequest) -> HttpResponse:
            return HttpResponse(200, [], stream)

        async with serve_limited(handler, drain_s=5) as running:
            reader, writer = await asyncio.open_connection(running.host, running.port)
            writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await reader.readuntil(b"first")
            await stream.is_started.wait()
            if is_reset:
                writer.transport.abort()
            else:
                writer.close()
            assert await comes_within(stream.is_closed, 1)
        assert stream.closings == 1

    run(scenario())


@pytest.mark.parametrize("has_body", [True, False], ids=["answering", "reading-the-body"])
def test_a_client_that_leaves_before_the_answer_cancels_the_handler(
    run: Run, has_body: bool
) -> None:
    async def scenario() -> None:
        is_running = asyncio.Event()
        ends: list[str] = []
        has_ended = asyncio.Event()

        async def handler(request: HttpRequest) -> HttpResponse:
            is_running.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ends.append("cancelled")
                raise
            finally:
                has_ended.set()
            raise AssertionError

        async with serve_limited(handler, drain_s=5) as running:
            _, writer = await asyncio.open_connection(running.host, running.port)
            writer.write(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n")
            writer.write(b"{}" if has_body else b"{")
            if has_body:
                await is_running.wait()
            writer.close()
            if has_body:
                assert await comes_within(has_ended, 1)
        assert ends == (["cancelled"] if has_body else [])

    run(scenario())


def test_a_leaving_client_is_not_logged_as_an_error(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    test_a_client_that_leaves_mid_stream_closes_the_body_once(run, False)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.requirement("L2")
def test_leaving_the_context_lets_an_answer_finish_and_takes_no_new_ones(run: Run) -> None:
    async def scenario() -> None:
        stream = Countdown()

        async def handler(request: HttpRequest) -> HttpResponse:
            return HttpResponse(200, [], stream)

        context = serve_limited(handler, drain_s=10)
        running = await context.__aenter__()
        idle_reader, idle_writer = await asyncio.open_connection(running.host, running.port)
        reader, writer = await asyncio.open_connection(running.host, running.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await reader.readuntil(b"first")
        leaving = asyncio.create_task(context.__aexit__(None, None, None))
        assert await idle_reader.read() == b""
        with pytest.raises(ConnectionError):
            await asyncio.open_connection(running.host, running.port)
        assert not leaving.done()
        stream.may_go_on.set()
        assert (await reader.read()).endswith(b"second\r\n0\r\n\r\n")
        await leaving
        idle_writer.close()
        writer.close()

    run(scenario())


@pytest.mark.requirement("L2")
def test_the_drain_ends_with_its_limit(run: Run) -> None:
    async def scenario() -> None:
        stream = Countdown()

        async def handler(request: HttpRequest) -> HttpResponse:
            return HttpResponse(200, [], stream)

        async with serve_limited(handler, drain_s=0.1) as running:
            reader, writer = await asyncio.open_connection(running.host, running.port)
            writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await reader.readuntil(b"first")
        assert stream.closings == 1
        writer.close()

    run(scenario())


def test_the_drain_ends_also_for_a_handler_whose_client_has_left(run: Run) -> None:
    async def scenario() -> None:
        is_running = asyncio.Event()
        is_settling = asyncio.Event()
        ends: list[str] = []

        async def handler(request: HttpRequest) -> HttpResponse:
            is_running.set()
            try:
                await asyncio.Event().wait()
            finally:
                is_settling.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    ends.append("cut")
            raise AssertionError

        async with serve_limited(handler, drain_s=0.1) as running:
            _, writer = await asyncio.open_connection(running.host, running.port)
            writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await is_running.wait()
            writer.close()
            await is_settling.wait()
        assert ends == ["cut"]

    run(scenario())


def test_a_taken_port_is_named_with_the_way_out(run: Run) -> None:
    async def scenario() -> None:
        async with serve_limited(show) as running:
            with pytest.raises(UserError, match=f"{running.port}.*in use") as caught:
                await serve_limited(show, port=running.port).__aenter__()
            assert "--port 0" in caught.value.hint

    run(scenario())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.test", ""])
def test_an_address_others_could_reach_is_refused(run: Run, host: str) -> None:
    async def scenario() -> None:
        with pytest.raises(UserError) as caught:
            await serve_limited(show, host).__aenter__()
        assert "127.0.0.1" in caught.value.hint

    run(scenario())


def test_localhost_is_reached_under_each_of_its_addresses(run: Run) -> None:
    async def scenario() -> None:
        async with serve_limited(show, "localhost") as running:
            assert running.url == f"http://127.0.0.1:{running.port}"
            hosts = ["127.0.0.1"]
            if _has_ipv6():
                hosts.append("::1")
            for host in hosts:
                _, writer = await asyncio.open_connection(host, running.port)
                writer.close()

    run(scenario())


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_a_threaded_server_is_reachable_inside_its_block_only() -> None:
    with ThreadedServer(lambda: serve_limited(show)) as running:
        connection = http.client.HTTPConnection(running.host, running.port)
        connection.request("GET", "/x")
        assert connection.getresponse().status == 201
        connection.close()
        port = running.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert not [thread for thread in threading.enumerate() if thread.name == "tanzaku-server"]


def test_a_threaded_server_raises_its_troubles_where_it_was_opened() -> None:
    with ThreadedServer(lambda: serve_limited(show)) as running:
        second = ThreadedServer(lambda: serve_limited(show, port=running.port))
        with pytest.raises(UserError, match="in use"):
            second.__enter__()


def test_a_coroutine_can_run_on_the_threads_loop() -> None:
    async def name() -> str:
        return threading.current_thread().name

    server = ThreadedServer(lambda: serve_limited(show))
    with server:
        assert server.call(name()) == "tanzaku-server"


PROGRAM = """
import asyncio
from tanzaku.transport import HttpResponse, run_until_signal, serve

async def handler(request):
    async def body():
        yield b"first"
        print("streaming", flush=True)
        await asyncio.to_thread(input)
        yield b"second"
    return HttpResponse(200, [], body())

run_until_signal(lambda: serve(handler, max_body_bytes=10), on_ready=lambda running: print(running.port, flush=True))
print("done", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_the_program_normally(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        port = int(program.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.read(5) == b"first"
        assert program.stdout.readline() == "streaming\n"
        os.kill(program.pid, number)
        program.stdin.write("\n")
        program.stdin.flush()
        assert response.read() == b"second"
        assert program.stdout.read() == "done\n"
        assert program.wait() == 0
        connection.close()


def test_the_cap_on_a_body_may_follow_from_the_target(run: Run) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"%d" % len(request.body))

    async def scenario() -> list[int]:
        def cap(target: str) -> BodyLimit:
            return BodyLimit(2000 if target.startswith("/large") else 10)

        async with (
            serve(handler, max_body_bytes=cap) as running,
            HttpClient(clock=SystemClock()) as client,
        ):
            statuses = []
            for target, size in (
                ("/large?x", 2000),
                ("/small", 10),
                ("/small", 11),
                ("/large", 2001),
            ):
                request = HttpRequest("POST", target, [], bytes(size))
                response = await client.send(request, base_url=running.url)
                await read_all(response)
                statuses.append(response.status)
            return statuses

    assert asyncio.run(scenario()) == [200, 200, 413, 413]
