"""Large bodies pass through the gateway while they come in: bytes unchanged, memory flat."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.beats import comes_within
from tanzaku.core import SystemClock
from tanzaku.gateway import Gateway, OneTarget
from tanzaku.ledger import Ledger
from tanzaku.transport import BodyLimit, HttpClient, serve

MEGABYTE = 1 << 20
MOST_BYTES = 64 * MEGABYTE
PIECE = bytes(range(256)) * 256  # 64 KiB


@dataclass
class RawUpstream:
    """An upstream on raw sockets that shares no code with the product: reads one request, says
    what it got of it, and answers 200, or at once with what `early` holds."""

    early: bytes = b""
    head: bytes = b""
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    is_cut: bool = False
    has_head: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    may_read: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.head = (await reader.readuntil(b"\r\n\r\n")).lower()
            self.has_head.set()
            if self.early:
                writer.write(self.early)
                writer.write_eof()
                # Closing while the other side still writes would reset it.
                while await reader.read(MEGABYTE):
                    pass
                return
            await self.may_read.wait()
            await self._read_body(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.is_cut = True
        finally:
            writer.close()
            self.is_over.set()

    async def _read_body(self, reader: asyncio.StreamReader) -> None:
        if b"\r\ntransfer-encoding: chunked\r\n" in self.head:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                self._take((await reader.readexactly(size + 2))[:-2])
            await reader.readexactly(2)
            return
        left = int(self.head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while left:
            chunk = await reader.read(min(left, MEGABYTE))
            if not chunk:
                raise asyncio.IncompleteReadError(b"", left)
            self._take(chunk)
            left -= len(chunk)

    def _take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.digest.update(chunk)


@asynccontextmanager
async def open_gateway(upstream: RawUpstream, ledger: Ledger) -> AsyncIterator[int]:
    """The port of a gateway before `upstream`."""
    server = await asyncio.start_server(upstream, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clock = SystemClock()
    async with server, HttpClient(clock=clock) as client:

        async def send(request: Any) -> Any:
            return await client.send(request, base_url=f"http://127.0.0.1:{port}")

        gateway = Gateway(OneTarget("raw", send), ledger=ledger, clock=clock)
        limit = BodyLimit(MOST_BYTES, MEGABYTE)
        async with serve(gateway, max_body_bytes=lambda _: limit) as running:
            yield running.port


def build_head(framing: str) -> bytes:
    return (
        "POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: k\r\n"
        f"content-type: multipart/form-data; boundary=x\r\n{framing}\r\n\r\n"
    ).encode()


async def upload(port: int, head: bytes, pieces: int, frame: Callable[[bytes], bytes]) -> bytes:
    """The whole answer to a body of so many pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head)
        for _ in range(pieces):
            writer.write(frame(PIECE))
            await writer.drain()
        if frame(b"x") != b"x":
            writer.write(b"0\r\n\r\n")
        return await asyncio.wait_for(reader.read(200), 30)
    finally:
        writer.close()


def whole(piece: bytes) -> bytes:
    return piece


def chunked(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


@pytest.fixture
def ledger() -> Any:
    with Ledger.open(None, clock=SystemClock()) as ledger:
        yield ledger


@pytest.mark.requirement("L1")
@pytest.mark.parametrize(
    ("framing", "frame"),
    [(f"content-length: {48 * MEGABYTE}", whole), ("transfer-encoding: chunked", chunked)],
    ids=["length", "chunked"],
)
def test_an_upload_arrives_byte_for_byte_and_is_never_held_whole(
    ledger: Ledger, framing: str, frame: Callable[[bytes], bytes]
) -> None:
    pieces = 48 * MEGABYTE // len(PIECE)

    async def go() -> tuple[RawUpstream, bytes, int]:
        upstream = RawUpstream()
        upstream.may_read.set()
        async with open_gateway(upstream, ledger) as port:
            tracemalloc.start()
            answer = await upload(port, build_head(framing), pieces, frame)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            await upstream.is_over.wait()
        return upstream, answer, peak

    upstream, answer, peak = asyncio.run(go())
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"ok")
    assert upstream.size == 48 * MEGABYTE
    assert upstream.digest.digest() == hashlib.sha256(PIECE * pieces).digest()
    assert framing.encode() in upstream.head
    assert peak < 8 * MEGABYTE
    assert ledger.list_exchanges(limit=1)[0].settlement.status == 200  # type: ignore[union-attr]


def test_a_slow_upstream_makes_the_client_wait(ledger: Ledger) -> None:
    async def go() -> tuple[bool, bytes]:
        upstream = RawUpstream()
        async with open_gateway(upstream, ledger) as port:
            head = build_head(f"content-length: {32 * MEGABYTE}")
            task = asyncio.create_task(upload(port, head, 32 * MEGABYTE // len(PIECE), whole))
            await upstream.has_head.wait()
            # The client cannot be done while nothing is read: no buffer here holds 32 MB.
            done, _ = await asyncio.wait([task], timeout=0.5)
            upstream.may_read.set()
            return bool(done), await task

    was_done, answer = asyncio.run(go())
    assert not was_done
    assert answer.startswith(b"HTTP/1.1 200")


def test_an_answer_before_the_end_of_the_upload_reaches_the_client(ledger: Ledger) -> None:
    early = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nrequest-id: req_1\r\n\r\nno"

    async def go() -> bytes:
        async with open_gateway(RawUpstream(early=early), ledger) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(build_head(f"content-length: {32 * MEGABYTE}") + PIECE * 32)
            answer = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            return answer

    answer = asyncio.run(go())
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"request-id: req_1" in answer
    assert answer.endswith(b"no")


def test_a_chunked_upload_that_grows_too_large_is_cut_at_both_ends(ledger: Ledger) -> None:
    async def go() -> tuple[RawUpstream, bytes]:
        upstream = RawUpstream()
        upstream.may_read.set()
        async with open_gateway(upstream, ledger) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(build_head("transfer-encoding: chunked"))
            for _ in range(MOST_BYTES // len(PIECE) + 1):
                writer.write(chunked(PIECE))
                await writer.drain()
            answer = await asyncio.wait_for(reader.read(300), 30)
            writer.close()
            await upstream.is_over.wait()
            return upstream, answer

    upstream, answer = asyncio.run(go())
    assert answer.startswith(b"HTTP/1.1 413")
    assert upstream.is_cut
    assert upstream.size <= MOST_BYTES
    settlement = ledger.list_exchanges(limit=1)[0].settlement
    assert settlement is not None
    assert (settlement.status, settlement.error and settlement.error.type) == (
        413,
        "request_too_large",
    )


def test_a_client_that_leaves_during_its_upload_cuts_the_upstream_at_once(ledger: Ledger) -> None:
    async def go() -> RawUpstream:
        upstream = RawUpstream()
        upstream.may_read.set()
        async with open_gateway(upstream, ledger) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(build_head(f"content-length: {32 * MEGABYTE}") + PIECE * 32)
            await upstream.has_head.wait()
            writer.transport.abort()
            assert await comes_within(upstream.is_over, 1)
        return upstream

    assert asyncio.run(go()).is_cut
    settlement = ledger.list_exchanges(limit=1)[0].settlement
    assert settlement is not None
    assert settlement.status == 499
