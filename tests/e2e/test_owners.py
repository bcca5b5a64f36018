"""Two virtual keys with the official SDK on one upstream, over sockets and a restart."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from tanzaku import Server
from tanzaku.server import ServerOptions

CONFIG = "upstreams: {sim: {kind: simulator}}\nkeys: {required: true}\nbatching: {collect_s: 0}\n"
TOKEN = "admin-token-0123456789"
HELLO: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], Server]:
    path = tmp_path / "gateway.yaml"
    path.write_text(CONFIG)
    options = ServerOptions(
        config=path, environment={"TANZAKU_ADMIN_TOKEN": TOKEN}, shelf=tmp_path / "upstream.db"
    )
    return lambda: Server(options=options, ledger=tmp_path / "ledger.db")


def create_key(server: Server, **limits: object) -> str:
    told = httpx2.post(
        f"{server.url}/_tanzaku/keys",
        headers={"authorization": f"Bearer {TOKEN}"},
        json={"name": "n", "paths": ["/v1/*"], **limits},
    )
    key: str = told.json()["key"]
    return key


def open_client(stack: ExitStack, server: Server, key: str) -> anthropic.Anthropic:
    return stack.enter_context(anthropic.Anthropic(base_url=server.url, api_key=key))


def name_file(file_id: str, text: str = "read it") -> dict[str, Any]:
    source = {"type": "file", "file_id": file_id}
    content = [{"type": "document", "source": source}, {"type": "text", "text": text}]
    return HELLO | {"messages": [{"role": "user", "content": content}]}


def test_two_keys_see_nothing_of_each_other(start: Callable[[], Server]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())
        keys = create_key(server), create_key(server)
        one, other = (open_client(stack, server, key) for key in keys)
        file = one.files.upload(file=("a.txt", b"hello", "text/plain"))
        hello: Any = {"custom_id": "b", "params": HELLO}
        request: Any = {"custom_id": "a", "params": name_file(file.id)}
        batch = one.messages.batches.create(requests=[request])
        for client in (one, other):
            client.messages.batches.create(requests=[hello])
        large: Any = [{**request, "params": name_file(file.id, "long " * 250_000)}]
        with pytest.raises(anthropic.NotFoundError):
            other.messages.batches.create(requests=large)
        large_batch = one.messages.batches.create(requests=large)
    with ExitStack() as stack:
        server = stack.enter_context(start())
        one, other = (open_client(stack, server, key) for key in keys)
        assert one.messages.create(**name_file(file.id)).type == "message"
        for ask in (
            lambda: other.messages.create(**name_file(file.id)),
            lambda: other.messages.batches.retrieve(batch.id),
            lambda: other.messages.batches.results(batch.id),
            lambda: other.messages.batches.cancel(batch.id),
            lambda: other.messages.batches.delete(batch.id),
            lambda: other.files.delete(file.id),
        ):
            with pytest.raises(anthropic.NotFoundError):
                ask()
        own = [found.id for found in one.messages.batches.list(limit=1)]
        assert len(own) == 3
        assert (own[0], own[2]) == (large_batch.id, batch.id)
        assert len([found.id for found in other.messages.batches.list(limit=1)]) == 1
        assert [found.id for found in one.files.list(limit=1)] == [file.id]
        assert list(other.files.list()) == []
        assert len(list(one.messages.batches.results(batch.id))) == 1


def test_nobody_sees_the_batches_of_deferred_calls(start: Callable[[], Server]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start())
        client = open_client(stack, server, create_key(server))
        head = {"tanzaku-when": "6h"}
        ticket: Any = client.post(
            "/v1/messages", cast_to=object, body=HELLO, options={"headers": head}
        )
        later = f"/_tanzaku/later/{ticket['id']}?wait=30"
        assert client.get(later, cast_to=anthropic.types.Message).type == "message"
        (exchange,) = [one for one in server.exchanges if "batch" in one.labels]
        assert list(client.messages.batches.list()) == []
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.results(exchange.labels["batch"])
