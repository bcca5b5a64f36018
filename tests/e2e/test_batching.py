"""Deferred calls over sockets: the official SDK, a gateway's stage, and an upstream that is a
server of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random

import anthropic
import pytest

from tanzaku import Ledger, Server, SystemClock
from tanzaku.core import derive_id
from tanzaku.gateway._asked import read_asked
from tanzaku.gateway._headers import read_request_head
from tanzaku.gateway._stages import ANYONE, Target
from tanzaku.gateway.batching import (
    LATER_PATH,
    Batching,
    BatchingSettings,
    DeferredBooks,
    Later,
    LaterRoutes,
    ask_later,
)
from tanzaku.ledger import FileShelf
from tanzaku.transport import (
    HttpClient,
    HttpRequest,
    HttpResponse,
    RunningServer,
    ThreadedServer,
    serve,
)
from tanzaku.wire import ApiError

SETTINGS = BatchingSettings(collect_s=0.05, poll_s=0.05)


@pytest.fixture
def upstream() -> Iterator[Server]:
    with Server(seed=3) as server:
        yield server


@asynccontextmanager
async def open_gateway(folder: Path, upstream_url: str) -> AsyncIterator[RunningServer]:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(folder / "ledger.db", clock=clock))
        shelf = FileShelf.open(folder / "shelf.db")
        stack.callback(shelf.close)
        client = await stack.enter_async_context(HttpClient(clock=clock))

        async def send(request: HttpRequest) -> HttpResponse:
            return await client.send(request, base_url=upstream_url)

        batching = Batching(
            SETTINGS,
            {"up": send},
            shelf=shelf,
            books=DeferredBooks(ledger, clock),
            clock=clock,
            chance=Random(),
        )
        routes = LaterRoutes(batching, clock=clock)

        async def answer(request: HttpRequest) -> HttpResponse:
            try:
                if request.path.startswith(LATER_PATH):
                    return await routes(request)
                head = read_request_head(request.headers)
                asked = await read_asked(request, head, clock.now())
                return await routes.defer(asked, ANYONE, [Target("up", send)])
            except ApiError as error:
                headers = [(b"content-type", b"application/json"), *error.headers]
                return HttpResponse(error.status, headers, error.body(derive_id("req", "x")))

        await stack.enter_async_context(batching.run())
        yield await stack.enter_async_context(serve(answer, max_body_bytes=32 << 20))


@pytest.fixture
def start(tmp_path: Path, upstream: Server) -> Callable[[], ThreadedServer[RunningServer]]:
    return lambda: ThreadedServer(lambda: open_gateway(tmp_path, upstream.url))


def test_the_sdk_asks_later_and_gets_the_message(
    start: Callable[[], ThreadedServer[RunningServer]], upstream: Server, tmp_path: Path
) -> None:
    with start() as running:
        client = anthropic.Anthropic(base_url=running.url, api_key="any")
        later = ask_later(
            client,
            when="6h",
            model="claude-haiku-4-5",
            max_tokens=100,
            messages=[{"role": "user", "content": "What is 15 times 23?"}],
        )
        message = later.result()
        assert isinstance(message, anthropic.types.Message)
        (block,) = message.content
        assert isinstance(block, anthropic.types.TextBlock)
        assert "345" in block.text
        assert message.usage.service_tier == "batch"
        with pytest.raises(anthropic.ConflictError):
            later.cancel()
    batches = [one for one in upstream.requests if one.path == "/v1/messages/batches"]
    assert [one.method for one in batches] == ["POST"]
    with Ledger.read(tmp_path / "ledger.db") as ledger:
        (exchange,) = ledger.list_exchanges()
        assert exchange.settlement is not None
        assert exchange.settlement.cost is not None
        usage = message.usage
        full = Decimal(usage.input_tokens + 5 * usage.output_tokens) / 1_000_000
        assert exchange.settlement.cost.total_usd == full / 2


def test_errors_are_the_sdks_own(start: Callable[[], ThreadedServer[RunningServer]]) -> None:
    with start() as running:
        client = anthropic.Anthropic(base_url=running.url, api_key="any")
        hello = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
        unknown = ask_later(client, model="claude-haiku-9", **hello)
        with pytest.raises(anthropic.NotFoundError, match="claude-haiku-9"):
            unknown.result()
        with pytest.raises(anthropic.BadRequestError, match="stream"):
            ask_later(client, model="claude-haiku-4-5", stream=True, **hello)
        with pytest.raises(anthropic.BadRequestError, match="tanzaku-when"):
            ask_later(client, when="soon", model="claude-haiku-4-5", **hello)
        with pytest.raises(anthropic.NotFoundError):
            Later(client, "later_0").poll()


def test_many_calls_go_in_one_batch_as_they_come_off_the_shelf(
    start: Callable[[], ThreadedServer[RunningServer]], upstream: Server, tmp_path: Path
) -> None:
    """8 MB of requests, through a client, a socket and a server."""

    async def ask_all(url: str) -> list[str]:
        client = anthropic.AsyncAnthropic(base_url=url, api_key="any")

        async def ask(number: int) -> str:
            told = await client.post(
                "/v1/messages",
                cast_to=dict[str, str],
                body={
                    "model": "claude-haiku-4-5",
                    "max_tokens": 9,
                    "messages": [{"role": "user", "content": f"{number} {'long ' * 8000}"}],
                },
                options={"headers": {"tanzaku-when": "batch"}},
            )
            return told["id"]

        return [await ask(number) for number in range(200)]

    with start() as running:
        ids = asyncio.run(ask_all(running.url))
        client = anthropic.Anthropic(base_url=running.url, api_key="any")
        messages = [Later(client, call_id).result() for call_id in ids]
        assert {message.type for message in messages} == {"message"}
    with Ledger.read(tmp_path / "ledger.db") as ledger:
        assert ledger.totals().exchanges == 200


def test_a_restart_goes_on_with_what_was_accepted(
    start: Callable[[], ThreadedServer[RunningServer]],
) -> None:
    with start() as running:
        client = anthropic.Anthropic(base_url=running.url, api_key="any")
        later = ask_later(
            client,
            model="claude-haiku-4-5",
            max_tokens=9,
            messages=[{"role": "user", "content": "Hello"}],
        )
    with start() as running:
        client = anthropic.Anthropic(base_url=running.url, api_key="any")
        assert Later(client, later.id).result().type == "message"
