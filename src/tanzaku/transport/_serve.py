"""Serving a handler: in the loop, in a thread, or until a signal."""

import asyncio
import errno
import ipaddress
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tanzaku.core import UserError
from tanzaku.transport._http import STOPPING, Handler, Refusal, refuse_plainly
from tanzaku.transport._reader import BodyCap, ServerLimits
from tanzaku.transport._served import Hall, ServedConnection

_ABORT_S = 1.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that accepts connections. `port` is the one in use, never 0."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The base URL on this machine, without a slash at its end."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}"


@asynccontextmanager
async def serve(  # noqa: PLR0913 - each has a default but one
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    max_body_bytes: BodyCap,
    on_refusal: Refusal = refuse_plainly,
    limits: ServerLimits = ServerLimits(),  # noqa: B008 - frozen
    drain_s: float = 30.0,
    allow_remote: bool = False,
    admit: Callable[[], bool] | None = None,
) -> AsyncIterator[RunningServer]:
    """Serve `handler` on a loopback address while the context is open; port 0 takes a free one.
    With `allow_remote` on any address.

    `localhost` listens on 127.0.0.1 and, where there is one, on ::1. A body over `max_body_bytes`
    (as sent, still encoded; the same for all, or by the request's target) becomes `on_refusal(413, …)` and the handler never sees it; an
    exception of the handler is logged redacted and becomes `on_refusal(500, …)`. A streamed
    answer that fails midway ends with a cut connection, never with a well-formed end; a
    ConnectionFault breaks the connection as it says. When the client goes away, the handler or the streamed body's pending step sees CancelledError, and
    the body is closed (`aclose`) exactly once.

    On leaving, no new connection is taken, idle ones are closed, and answers under way get
    `drain_s` seconds; what then remains is cancelled. Raises UserError when the port is taken or
    `host` is not loopback and no other is allowed. A new connection that `admit` says no to is reset before anything is
    read from it. What the drain cuts sees CancelledError with STOPPING as its message.
    """
    sockets = _bind(host, port, allow_remote=allow_remote)
    bound_port: int = sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    hall = Hall(
        handler,
        loop,
        max_body_bytes=max_body_bytes,
        on_refusal=on_refusal,
        limits=limits,
        admit=admit,
    )
    listeners = [
        await loop.create_server(lambda: ServedConnection(hall), sock=sock, backlog=2048)
        for sock in sockets
    ]
    try:
        yield RunningServer("127.0.0.1" if host == "localhost" else host, bound_port)
    finally:
        for listener in listeners:
            listener.close()
        await _drain(hall, drain_s)


async def _drain(hall: Hall, drain_s: float) -> None:
    hall.is_draining = True
    for connection in list(hall.connections):
        connection.finish()
    try:
        async with asyncio.timeout(drain_s):
            await hall.is_empty.wait()
            while hall.tasks:
                await asyncio.wait(hall.tasks)
    except TimeoutError:
        pass
    finally:
        tasks = list(hall.tasks)
        for task in tasks:
            task.cancel(STOPPING)
        if tasks:
            await asyncio.wait(tasks, timeout=_ABORT_S)
        for connection in list(hall.connections):
            connection.abort()


def _bind(host: str, port: int, *, allow_remote: bool) -> list[socket.socket]:
    addresses = ["127.0.0.1", "::1"] if host == "localhost" else [host]
    for address in addresses:
        _ensure_allowed(address, allow_remote=allow_remote)
    first = _listen(addresses[0], port)
    sockets = [first]
    for address in addresses[1:]:
        try:
            sockets.append(_listen(address, first.getsockname()[1]))
        except (OSError, UserError):
            continue  # a machine without IPv6
    return sockets


def _ensure_allowed(host: str, *, allow_remote: bool) -> None:
    try:
        is_allowed = allow_remote or ipaddress.ip_address(host).is_loopback
        ipaddress.ip_address(host)
    except ValueError:
        is_allowed = False
    if not is_allowed:
        raise UserError(
            "Refusing to listen on {host}: it is no address that only this machine reaches.",
            hint="Use 127.0.0.1, ::1 or localhost.",
            host=host,
        )


def _listen(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                "Port {port} on {host} is already in use.",
                hint="Stop the program that holds it, or take another: `--port 0` chooses a free one.",
                port=port,
                host=host,
            ) from error
        if error.errno == errno.EACCES:
            raise UserError(
                "Port {port} on {host} may not be opened by this user.",
                hint="Take a port above 1023; `--port 0` chooses a free one.",
                port=port,
                host=host,
            ) from error
        raise
    sock.setblocking(False)
    return sock


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's loop where it is installed, asyncio's elsewhere (Windows)."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


class ThreadedServer[T]:
    """An async context (usually `serve(…)`) held open in a thread with a loop of its own.

    `ThreadedServer(lambda: serve(app))` gives what the async context gives, to code without a
    loop: `with ThreadedServer(…) as running: running.url`. Errors of opening and closing are
    raised in the calling thread.
    """

    def __init__(self, open_context: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._open_context = open_context
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tanzaku-server", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._opened: list[T] = []
        self._error: BaseException | None = None

    def __enter__(self) -> T:
        self._thread.start()
        self._is_ready.wait()
        if not self._opened:
            self._join()
        return self._opened[0]

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._join()

    def call[R](self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run `coroutine` on the server's loop and wait for its result."""
        if self._loop is None:
            raise RuntimeError("the server is not running")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _join(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._hold())
        except BaseException as error:  # noqa: BLE001 - raised in the calling thread by _join
            self._error = error
        finally:
            self._is_ready.set()

    async def _hold(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._open_context() as opened:
            self._opened.append(opened)
            self._is_ready.set()
            await self._stop.wait()


def run_until_signal[T](
    open_context: Callable[[], AbstractAsyncContextManager[T]],
    *,
    on_ready: Callable[[T], None],
    on_hangup: Callable[[], None] | None = None,
) -> None:
    """Hold an async context (usually `serve(…)`) open until SIGINT or SIGTERM, then drain.

    Blocks; call it from the main thread. `on_ready` gets what the context gave once connections
    are taken, `on_hangup` is called in its loop on SIGHUP where there is one (not on Windows). A
    second signal to end cuts the drain short.
    """

    async def hold() -> None:
        stop = asyncio.Event()
        task = asyncio.current_task()

        def on_signal() -> None:
            if stop.is_set() and task is not None:
                task.cancel()
            stop.set()

        _install(on_signal)
        async with open_context() as opened:
            if on_hangup is not None and sys.platform != "win32":
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, on_hangup)
            on_ready(opened)
            await stop.wait()

    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(hold())
    except asyncio.CancelledError:
        return


def _install(on_signal: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(on_signal))
        else:
            loop.add_signal_handler(number, on_signal)
