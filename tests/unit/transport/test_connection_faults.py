"""Connections that a handler has broken on purpose, as a raw socket sees them."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from tanzaku.transport import ConnectionFault, Handler, HttpRequest, HttpResponse, serve

type Run = Callable[[Coroutine[Any, Any, Any]], Any]

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def talk(port: int, request: bytes = REQUEST) -> tuple[bytes, str]:
    """Send a request; all that came back, and how the connection ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        writer.write(request)
        while piece := await reader.read(65536):
            received += piece
    except ConnectionResetError:
        return received, "reset"
    finally:
        writer.close()
    return received, "end"


def build_handler(kind: Any, *, is_late: bool) -> Handler:
    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        yield b"second"
        raise ConnectionFault(kind)

    async def handler(request: HttpRequest) -> HttpResponse:
        if is_late:
            return HttpResponse(200, [(b"x-seen", b"1")], body())
        raise ConnectionFault(kind)

    return handler


@pytest.mark.parametrize(
    ("kind", "ending"), [("reset", "reset"), ("close", "end"), ("half_close", "end")]
)
@pytest.mark.parametrize("is_late", [False, True], ids=["before-the-header", "in-the-body"])
def test_a_fault_breaks_the_connection_where_it_is_raised(
    run: Run, kind: str, ending: str, is_late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with serve(build_handler(kind, is_late=is_late), max_body_bytes=1000) as running:
            received, seen = await talk(running.port)
        assert seen == ending
        if is_late:
            assert received.startswith(b"HTTP/1.1 200 ")
            assert received.endswith(b"\r\n5\r\nfirst\r\n6\r\nsecond\r\n")
        else:
            assert received == b""

    with caplog.at_level(logging.WARNING):
        run(scenario())
    assert caplog.records == []


def test_what_was_sent_before_the_end_arrives_though_it_is_much(run: Run) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 3_000_000
        raise ConnectionFault("close")

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], body())

    async def scenario() -> None:
        async with serve(handler, max_body_bytes=1000) as running:
            received, seen = await talk(running.port)
        assert seen == "end"
        assert received.count(b"x") == 3_000_000

    run(scenario())


def test_after_a_half_close_the_client_may_still_write(run: Run) -> None:
    async def scenario() -> None:
        async with serve(
            build_handler("half_close", is_late=False), max_body_bytes=1000
        ) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(REQUEST)
            assert await reader.read() == b""
            for _ in range(3):
                writer.write(REQUEST)
                await writer.drain()
            sock = writer.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            writer.close()

    run(scenario())


def test_a_half_closed_connection_does_not_hold_up_the_end_of_the_server(run: Run) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with serve(
            build_handler("half_close", is_late=False), max_body_bytes=1000
        ) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(REQUEST)
            assert await reader.read() == b""
            began = loop.time()
        assert loop.time() - began < 5
        writer.close()

    run(scenario())


def test_a_connection_that_is_not_admitted_is_reset_unread(run: Run) -> None:
    answers = [False, True]

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"let in")

    async def scenario() -> None:
        async with serve(handler, max_body_bytes=1000, admit=lambda: answers.pop(0)) as running:
            assert await talk(running.port) == (b"", "reset")
            received, _ = await talk(
                running.port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            )
            assert received.endswith(b"let in")
        assert answers == []

    run(scenario())
