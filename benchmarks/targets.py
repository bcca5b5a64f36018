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
    read_all,
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


GATEWAY = """
upstreams:
  stub: {{kind: anthropic, url: "{url}", retry: {{max_retries: 2}}}}
keys: {{required: true}}
budgets:
  - {{scope: all, per: month, usd: 1000000}}
  - {{scope: each key, per: day, usd: 100000}}
  - {{scope: each key, per: minute, requests: 10000000}}
"""


@asynccontextmanager
async def open_gateway(ledger: Path, upstream_url: str):
    """With virtual keys, budgets, the ledger on disk and metrics; the key stands after the URL."""
    from tanzaku.server import Server, ServerOptions

    config = ledger.with_name("gateway.yaml")
    config.write_text(GATEWAY.format(url=upstream_url))
    token = "bench-" + "0" * 32
    options = ServerOptions(config=config, environment={"TANZAKU_ADMIN_TOKEN": token})
    async with (
        Server(ledger=ledger, options=options) as server,
        HttpClient(clock=SystemClock()) as client,
    ):
        headers = [(b"content-type", b"application/json"), (b"tanzaku-admin-token", token.encode())]
        request = HttpRequest("POST", "/_tanzaku/keys", headers, b"{}")
        made = await client.send(request, base_url=server.url)
        yield f"{server.url} {json.loads(await read_all(made))['key']}"


OPENERS = {
    "baseline": open_baseline,
    "simulator": open_simulator,
    "server": open_server,
    "gateway": open_gateway,
}

if __name__ == "__main__":
    main()
