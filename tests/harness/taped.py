"""A gateway on a socket whose upstream is recorded, or is a recording."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anthropic import Anthropic

from tanzaku.core import SystemClock
from tanzaku.exchange import Exchange
from tanzaku.gateway import Gateway, OneTarget, Recorder
from tanzaku.ledger import Ledger
from tanzaku.simulator import PaceSettings, Simulator, SimulatorSettings
from tanzaku.simulator.replay import Replay, ReplayMode
from tanzaku.transport import Handler, ThreadedServer, serve


@dataclass
class Talk:
    """A running gateway."""

    url: str
    port: int
    ledger: Ledger
    _clients: ExitStack

    def client(self, **more: Any) -> Anthropic:
        """The official SDK, pointed here; closed with the gateway."""
        client = Anthropic(base_url=self.url, api_key="k", **({"max_retries": 0} | more))
        return self._clients.enter_context(client)

    @property
    def exchanges(self) -> list[Exchange]:
        """Every exchange with its bodies, oldest first."""
        listed = self.ledger.list_exchanges(limit=1000)
        return [self.ledger.get_exchange(one.exchange_id) for one in reversed(listed)]

    @property
    def rules(self) -> list[str | None]:
        """What answered each request, oldest first."""
        return [one.settlement.rule for one in self.exchanges if one.settlement]


@asynccontextmanager
async def _open(upstream: Handler, close: Callable[[], Any]) -> AsyncIterator[Talk]:
    clock = SystemClock()
    try:
        with Ledger.open(None, clock=clock) as ledger:
            gateway = Gateway(OneTarget("test", upstream), ledger=ledger, clock=clock)
            async with serve(gateway, max_body_bytes=32 << 20) as running:
                with ExitStack() as clients:
                    yield Talk(running.url, running.port, ledger, clients)
    finally:
        await close()


@contextmanager
def open_recorded(
    path: Path,
    *scenarios: Path,
    recorder: Any = Recorder,
    pace: PaceSettings | None = None,
) -> Iterator[Talk]:
    """A gateway to the simulator that is recorded to `path`; `recorder` may be something else that
    wraps the upstream."""

    @asynccontextmanager
    async def build() -> AsyncIterator[Talk]:
        settings = SimulatorSettings(scenarios=scenarios, pace=pace)
        simulator = Simulator(clock=SystemClock(), settings=settings)
        recorded = recorder(simulator, path, name="simulator", clock=SystemClock())

        async def close() -> None:
            await recorded.close()
            await simulator.close()

        async with _open(recorded, close) as talk:
            yield talk

    with ThreadedServer(build) as talk:
        yield talk


@contextmanager
def open_replayed(path: Path, mode: ReplayMode = "strict") -> Iterator[Talk]:
    """A gateway to the recording in `path`, and to nothing else."""

    @asynccontextmanager
    async def build() -> AsyncIterator[Talk]:
        async def close() -> None:
            pass

        replay = Replay.load(path, clock=SystemClock(), mode=mode)
        async with _open(replay, close) as talk:
            yield talk

    with ThreadedServer(build) as talk:
        yield talk
