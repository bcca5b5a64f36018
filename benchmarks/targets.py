"""The servers that benchmarks load, one a process: `targets.py NAME [UPSTREAM_URL | PACE]`."""

import json
import sys
import tempfile
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tanzaku.core import SystemClock
from tanzaku.transport import (
    Handler,
    HttpClient,
    HttpRequest,
    HttpResponse,
    run_until_signal,
    serve,
)


def main() -> None:
    name, *arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        context = partial(OPENERS[name], Path(folder) / "ledger.db", *arguments)
        run_until_signal(context, on_ready=print)


@asynccontextmanager
async def open_handler(handler: Handler):
    async with serve(handler, max_body_bytes=32 << 20) as running:
        yield running.url


@asynccontextmanager
async def open_baseline(_ledger: Path):
    body = json.dumps({"type": "message", "content": [{"type": "text", "text": "word " * 40}]})
    answer = HttpResponse(200, [(b"content-type", b"application/json")], body.encode())

    async def handle(_request: HttpRequest) -> HttpResponse:
        return answer

    async with open_handler(handle) as url:
        yield url


@asynccontextmanager
async def open_simulator(_ledger: Path):
    from tanzaku.simulator import Simulator

    async with open_handler(Simulator(seed=0, clock=SystemClock())) as url:
        yield url


@asynccontextmanager
async def open_server(ledger: Path, pace: str = "instant"):
    from tanzaku.server import Server, ServerOptions
    from tanzaku.simulator import SimulatorSettings, parse_pace

    options = ServerOptions(simulator=SimulatorSettings(pace=parse_pace(pace)))
    async with Server(ledger=ledger, options=options) as server:
        yield server.url


@asynccontextmanager
async def open_gateway(ledger: Path, upstream_url: str):
    from tanzaku.gateway import Gateway, OneTarget
    from tanzaku.ledger import Ledger

    clock = SystemClock()
    client = HttpClient(clock=clock)
    try:
        with Ledger.open(ledger, clock=clock) as store:
            gateway = Gateway(
                OneTarget("simulator", partial(client.send, base_url=upstream_url)),
                ledger=store,
                clock=clock,
            )
            async with open_handler(gateway) as url:
                yield url
    finally:
        await client.close()


OPENERS = {
    "baseline": open_baseline,
    "simulator": open_simulator,
    "server": open_server,
    "gateway": open_gateway,
}

if __name__ == "__main__":
    main()
