"""Scripted upstreams over real sockets on loopback, and a loop whose time is moved by hand."""

import asyncio
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, override

if sys.platform != "win32":
    import fcntl
    import termios

HANG_S = 30.0


class Link:
    """One accepted connection, as the script of an upstream sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.received = bytearray()

    async def read_request(self) -> bytes:
        """One request as it came: header, and as much body as content-length says."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        size = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        raw = head + await self.reader.readexactly(size)
        self.received += raw
        return raw

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def wait_closed(self) -> None:
        """Return once the peer has closed or reset the connection."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            return


class Upstream:
    def __init__(self) -> None:
        self.port = 0
        self.scheme = "http"
        self.links: list[Link] = []
        self.failures: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


type Script = Callable[[Link], Awaitable[None]]
type OpenUpstream = Callable[..., AbstractAsyncContextManager[Upstream]]


@asynccontextmanager
async def open_upstream(
    script: Script, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Upstream]:
    """A server on 127.0.0.1 that runs `script` for each connection and closes it afterwards."""
    upstream = Upstream()
    tasks: set[asyncio.Task[None]] = set()

    async def serve_link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        upstream.links.append(link)
        try:
            await script(link)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except BaseException as error:  # noqa: BLE001 - raised again when the server closes
            upstream.failures.append(error)
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve_link(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    upstream.port = server.sockets[0].getsockname()[1]
    upstream.scheme = "https" if tls else "http"
    try:
        yield upstream
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
    for failure in upstream.failures:
        raise failure


class HandLoop(asyncio.SelectorEventLoop):
    """Its time stands still until `pass_time`; bytes come and go as ever."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        super().__init__()

    @override
    def time(self) -> float:
        return self._elapsed_s

    async def pass_time(self, seconds: float, *writers: asyncio.StreamWriter) -> None:
        """Let time pass once what was said is read by the other side (of the same loop)."""
        left = 10
        while left:
            left = 10 if any(map(_is_sending, writers)) else left - 1
            await asyncio.sleep(0)
        self._elapsed_s += seconds
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # what was due has been done


def _is_sending(writer: asyncio.StreamWriter) -> bool:
    """Whether the other side's kernel has yet to say that it has all that was written."""
    sock = writer.get_extra_info("socket").fileno()
    return fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)) != bytes(4)


def run_scenario(scenario: Callable[[HandLoop], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine function on a loop whose time it moves itself, with a limit against hanging."""
    loop = HandLoop()

    async def bounded() -> Any:
        task = asyncio.ensure_future(scenario(loop))
        # The loop's own time would not come to its end.
        limit = threading.Timer(HANG_S, loop.call_soon_threadsafe, [task.cancel])
        limit.start()
        try:
            return await task
        finally:
            limit.cancel()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(bounded())
