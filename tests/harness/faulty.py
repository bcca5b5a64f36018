"""A gateway over the simulator with faults at both ends, on a socket; raw clients for it."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, override

from anthropic import Anthropic

from tanzaku.core import SystemClock, VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.gateway import Gateway, OneTarget, Stages
from tanzaku.ledger import Ledger, LedgerReader
from tanzaku.simulator import Simulator
from tanzaku.simulator.faults import Fault, FaultPlan, Faults
from tanzaku.transport import ThreadedServer, serve

QUESTION: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 300,
    "messages": [{"role": "user", "content": "Count to 30."}],
}
HANG_S = 20.0


class WatchedClock(VirtualClock):
    """`is_awaited` is set once somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.is_awaited = threading.Event()

    @override
    async def sleep(self, seconds: float) -> None:
        self.is_awaited.set()
        await super().sleep(seconds)


class Faulty:
    """A running server. The faults wait on a clock that stands still until `advance`."""

    def __init__(self, path: Path | None) -> None:
        self.clock = WatchedClock()
        self.faults = Faults(clock=self.clock, by_header=True)
        self._path = path
        self._loop: asyncio.AbstractEventLoop
        self.ledger: Ledger
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Faulty"]:
        self._loop = asyncio.get_running_loop()
        simulator = Simulator(clock=SystemClock())
        with Ledger.open(self._path, clock=SystemClock()) as self.ledger:
            gateway = Gateway(
                OneTarget("simulator", self.faults.wrap(simulator)),
                ledger=self.ledger,
                clock=SystemClock(),
                stages=Stages(edge=self.faults.intercept),
            )
            async with serve(gateway, max_body_bytes=32 << 20, admit=self.faults.admits) as running:
                self.port = running.port
                yield self
        await simulator.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def plan(self, *faults: Fault, seed: int = 0) -> None:
        """Follow these faults from now on."""
        self.faults.set_plan(FaultPlan(faults, seed))

    def client(self, *, max_retries: int = 0, timeout: float = HANG_S, **more: Any) -> Anthropic:
        """The official SDK, pointed here."""
        return Anthropic(
            base_url=self.url, api_key="k", max_retries=max_retries, timeout=timeout, **more
        )

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass for the fault that waits, once one does."""
        assert self.clock.is_awaited.wait(HANG_S)
        self.clock.is_awaited.clear()
        self._loop.call_soon_threadsafe(self.clock.advance, seconds)

    @property
    def exchanges(self) -> list[Exchange]:
        """Every exchange with its bodies, oldest first."""
        return read_exchanges(self.ledger)

    def talk(self, *, stream: bool = False, **headers: str) -> tuple[bytes, str]:
        """Ask QUESTION over a bare socket: all that came back, and how the connection ended."""
        try:
            with self.connect(stream=stream, **headers) as sock:
                return read_to_the_end(sock)
        except ConnectionError:  # reset before the request was out
            return b"", "reset"

    @contextmanager
    def connect(self, *, stream: bool = False, **headers: str) -> Iterator[socket.socket]:
        """A bare socket on which QUESTION was asked."""
        body = json.dumps(QUESTION | {"stream": stream}).encode()
        lines = {
            "host": "x",
            "x-api-key": "k",
            "anthropic-version": "2026-10-21",
            "content-length": str(len(body)),
            "connection": "close",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        with socket.create_connection(("127.0.0.1", self.port), timeout=HANG_S) as sock:
            sock.sendall(b"POST /v1/messages HTTP/1.1\r\n%b\r\n%b" % (head.encode(), body))
            yield sock


def read_frames(sock: socket.socket, count: int) -> bytes:
    """What comes until so many frames of a stream are whole."""
    received = b""
    while received.count(b"\n\n") < count:
        piece = sock.recv(65536)
        assert piece, received
        received += piece
    return received


def is_silent(sock: socket.socket, seconds: float) -> bool:
    """Whether nothing comes, not even the end, for so long."""
    sock.settimeout(seconds)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    else:
        return False
    finally:
        sock.settimeout(HANG_S)


def read_to_the_end(sock: socket.socket) -> tuple[bytes, str]:
    """Everything that comes, and `end`, `reset` or (once the socket's timeout is up) `hang`."""
    received = b""
    try:
        while piece := sock.recv(65536):
            received += piece
    except ConnectionError:
        return received, "reset"
    except TimeoutError:
        return received, "hang"
    return received, "end"


def read_exchanges(ledger: LedgerReader) -> list[Exchange]:
    """Every exchange of a ledger with its bodies, oldest first."""
    listed = ledger.list_exchanges(limit=1000)
    return [ledger.get_exchange(one.exchange_id) for one in reversed(listed)]


@contextmanager
def open_faulty(path: Path | None = None) -> Iterator[Faulty]:
    """A server of its own in a thread; `path` keeps its ledger."""
    with ThreadedServer(Faulty(path).open) as faulty:
        yield faulty
