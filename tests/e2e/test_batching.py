"""Deferred calls over sockets: the official SDK, a gateway's stage, and an upstream that is a
server of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import anthropic
import httpx2
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
from tanzaku.server import ServerOptions
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
async def open_gateway(
    folder: Path, upstream_url: str, lost: list[int]
) -> AsyncIterator[RunningServer]:
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
                ticket = await routes.defer(asked, ANYONE, [Target("up", send)])
                return (
                    HttpResponse(lost.pop(), [(b"retry-after-ms", b"1")], b"") if lost else ticket
                )
            except ApiError as error:
                headers = [(b"content-type", b"application/json"), *error.headers]
                return HttpResponse(error.status, headers, error.body(derive_id("req", "x")))

        await stack.enter_async_context(batching.run())
        yield await stack.enter_async_context(serve(answer, max_body_bytes=32 << 20))


@pytest.fixture
def lost() -> list[int]:
    """Statuses that clients get in place of their next tickets."""
    return []


@pytest.fixture
def start(
    tmp_path: Path, upstream: Server, lost: list[int]
) -> Callable[[], ThreadedServer[RunningServer]]:
    return lambda: ThreadedServer(lambda: open_gateway(tmp_path, upstream.url, lost))


def test_the_sdk_asks_later_and_gets_the_message(
    start: Callable[[], ThreadedServer[RunningServer]], upstream: Server, tmp_path: Path
) -> None:
    with start() as running, anthropic.Anthropic(base_url=running.url, api_key="any") as client:
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
    with start() as running, anthropic.Anthropic(base_url=running.url, api_key="any") as client:
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


def test_the_sdk_that_loses_its_ticket_asks_again_and_has_asked_once(
    start: Callable[[], ThreadedServer[RunningServer]],
    upstream: Server,
    lost: list[int],
    tmp_path: Path,
) -> None:
    lost += [502, 504]
    with start() as running, anthropic.Anthropic(base_url=running.url, api_key="any") as client:
        later = ask_later(client, **HELLO)
        assert later.result().type == "message"
        assert lost == []
        named = [ask_later(client, idempotency_key="one", **HELLO) for _ in range(2)]
        assert named[0].id == named[1].id != later.id
        assert named[0].result().type == "message"
    with Ledger.read(tmp_path / "ledger.db") as ledger:
        assert ledger.totals().exchanges == 2


def test_many_calls_go_in_one_batch_as_they_come_off_the_shelf(
    start: Callable[[], ThreadedServer[RunningServer]], upstream: Server, tmp_path: Path
) -> None:
    """8 MB of requests, through a client, a socket and a server."""

    async def ask_all(url: str) -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="any") as client:

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

    with start() as running, anthropic.Anthropic(base_url=running.url, api_key="any") as client:
        ids = asyncio.run(ask_all(running.url))
        messages = [Later(client, call_id).result() for call_id in ids]
        assert {message.type for message in messages} == {"message"}
    with Ledger.read(tmp_path / "ledger.db") as ledger:
        assert ledger.totals().exchanges == 200


def test_a_restart_goes_on_with_what_was_accepted(
    start: Callable[[], ThreadedServer[RunningServer]],
) -> None:
    with start() as running, anthropic.Anthropic(base_url=running.url, api_key="any") as client:
        later = ask_later(
            client,
            model="claude-haiku-4-5",
            max_tokens=9,
            messages=[{"role": "user", "content": "Hello"}],
        )
    with start() as running, anthropic.Anthropic(base_url=running.url, api_key="any") as client:
        assert Later(client, later.id).result().type == "message"


CONFIG = """
upstreams:
  simulator: {kind: simulator}
keys: {required: true}
batching: {collect_s: 0, poll_s: 0.05}
"""
TOKEN = "admin-token-0123456789"
HELLO: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Server]:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIG)
    options = ServerOptions(config=path, environment={"TANZAKU_ADMIN_TOKEN": TOKEN})
    with Server(options=options) as server:
        yield server


type CreateClient = Callable[..., anthropic.Anthropic]


@pytest.fixture
def create_client(gateway: Server) -> Iterator[CreateClient]:
    """The SDK with a new virtual key that has these limits."""
    with ExitStack() as clients:

        def create(**limits: object) -> anthropic.Anthropic:
            told = httpx2.post(
                f"{gateway.url}/_tanzaku/keys",
                headers={"authorization": f"Bearer {TOKEN}"},
                json={"name": "n", **limits},
            )
            client = anthropic.Anthropic(base_url=gateway.url, api_key=told.json()["key"])
            return clients.enter_context(client)

        yield create


def test_a_virtual_key_asks_later_and_no_other_sees_it(
    gateway: Server, create_client: CreateClient
) -> None:
    one, other = create_client(team="night"), create_client()
    later = ask_later(one, when="6h", **HELLO)
    message = later.result()
    assert message.usage.service_tier == "batch"
    with pytest.raises(anthropic.NotFoundError):
        Later(other, later.id).poll()
    with pytest.raises(anthropic.AuthenticationError):
        Later(one.with_options(api_key="k"), later.id).poll()
    (seen,) = gateway.requests
    assert (seen.exchange.labels["team"], seen.exchange.labels["later"]) == ("night", later.id)
    full = Decimal(message.usage.input_tokens + 5 * message.usage.output_tokens) / 1_000_000
    assert seen.exchange.settlement is not None
    assert seen.exchange.settlement.cost is not None
    assert seen.exchange.settlement.cost.total_usd == full / 2


def test_what_a_key_may_not_ask_it_may_not_ask_later(
    gateway: Server, create_client: CreateClient
) -> None:
    client = create_client(models=["claude-haiku-5-5"])
    with pytest.raises(anthropic.PermissionDeniedError):
        ask_later(client, **HELLO)
    with pytest.raises(anthropic.BadRequestError, match="tanzaku-when"):
        ask_later(create_client(), when="never", **HELLO)
    assert [one.settlement and one.settlement.status for one in gateway.exchanges] == [400, 403]


def test_a_clients_own_batch_names_the_gateway_and_is_charged_once(
    gateway: Server, create_client: CreateClient
) -> None:
    client = create_client(paths=["/v1/messages*"])
    requests: Any = [{"custom_id": f"r{number}", "params": HELLO} for number in range(3)]
    batch = client.messages.batches.create(requests=requests)
    shown = client.messages.batches.retrieve(batch.id)
    assert shown.results_url == f"{gateway.url}/v1/messages/batches/{batch.id}/results"
    assert client.messages.batches.list().data[0].results_url == shown.results_url
    results = [list(client.messages.batches.results(batch.id)) for _ in range(2)]
    assert len(results[0]) == 3
    assert [one.to_dict() for one in results[0]] == [one.to_dict() for one in results[1]]
    usages = [one.to_dict()["result"]["message"]["usage"] for one in results[0]]  # type: ignore[index]
    expected = sum(
        Decimal(usage["input_tokens"] + 5 * usage["output_tokens"]) / 2_000_000 for usage in usages
    )
    totals = gateway.ledger.totals()
    assert totals.total_usd == expected
    assert totals.output_tokens == sum(usage["output_tokens"] for usage in usages)
