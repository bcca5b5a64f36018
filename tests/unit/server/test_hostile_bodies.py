"""Bodies that are JSON only to hurt whoever reads them, over a socket."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tanzaku.server import Server, ServerOptions

pytestmark = pytest.mark.requirement("L1")

HEADERS = {
    "content-type": "application/json",
    "x-api-key": "k",
    "anthropic-version": "2026-10-21",
}
MESSAGE = {
    "model": "claude-haiku-4-5",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "Hi"}],
}
PATHS = ["/v1/messages", "/v1/messages/count_tokens"]
CONFIG = """
upstreams: {sim: {kind: simulator}}
preflight: warn
cache: {}
prompt_cache: {place: always}
ledger: {privacy: redacted}
telemetry: {log: json, log_file: lines.log}
"""


def nest(depth: int) -> str:
    """A request that is `depth` levels deep."""
    deep = "[" * (depth - 1) + "]" * (depth - 1)
    return json.dumps(MESSAGE)[:-1] + f', "metadata": {deep}}}'


HOSTILE = {
    **{f"nested-{depth}": nest(depth) for depth in (65, 199, 250, 1_000, 100_000)},
    "objects": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "never-closed": "[" * 100_000,
    "not-a-number": json.dumps(MESSAGE | {"temperature": float("nan")}),
    "infinite": json.dumps(MESSAGE)[:-1] + ', "temperature": 1e999}',
    "endless-digits": json.dumps(MESSAGE)[:-1] + f', "top_k": {"9" * 5_000}}}',
    "half-a-surrogate": json.dumps(MESSAGE | {"system": "\ud800"}),
    "named-twice": json.dumps(MESSAGE)[:-1] + ', "max_tokens": 6}',
}


@pytest.fixture(scope="module", params=["simulator", "configured"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The simulator with a recording, and a gateway with every stage that reads bodies."""
    folder: Path = tmp_path_factory.mktemp("hostile")
    options = ServerOptions(record=folder / "recording.jsonl")
    if request.param == "configured":
        (folder / "gateway.yaml").write_text(CONFIG)
        options = ServerOptions(config=folder / "gateway.yaml")
    with Server(options=options) as running:
        yield running


def send(
    server: Server, method: str, target: str, body: str | None = None
) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    try:
        connection.request(method, target, body, HEADERS)
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, named, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(("path", "name"), [(path, name) for path in PATHS for name in HOSTILE])
def test_a_hostile_body_is_a_400_that_can_be_looked_at(
    server: Server, name: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, headers, told = send(server, "POST", path, HOSTILE[name])
    assert (status, told["error"]["type"]) == (400, "invalid_request_error")
    assert "not valid JSON" in told["error"]["message"]
    status, _, kept = send(server, "GET", f"/_tanzaku/exchanges/{headers['tanzaku-exchange-id']}")
    assert (status, kept["status"]) == (200, 400)
    assert caplog.messages == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("schemas", "status"), [(31, 200), (32, 400)], ids=["64", "66"])
def test_a_tool_may_be_as_deep_as_64_levels(
    server: Server, path: str, schemas: int, status: int
) -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(schemas - 1):
        schema = {"type": "object", "properties": {"a": schema}}
    # The request, its list of tools and the tool stand around the schemas, two levels each.
    body = MESSAGE | {"tools": [{"name": "deep", "input_schema": schema}]}
    if path == PATHS[1]:
        del body["max_tokens"]
    assert send(server, "POST", path, json.dumps(body))[0] == status


def test_as_many_messages_as_the_api_takes_are_read_and_a_million_keys_are_not() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}] * 49_999
    messages = [*turns, {"role": "user", "content": "a"}]
    body = {"model": MESSAGE["model"], "messages": messages}
    endless = json.dumps(MESSAGE)[:-1] + ', "x": [' + '{"a":1},' * 1_000_001 + "0]}"
    with Server() as server:
        status, _, told = send(server, "POST", PATHS[1], json.dumps(body))
        assert (status, list(told)) == (200, ["input_tokens"])
        status, _, told = send(server, "POST", PATHS[0], endless)
    assert (status, told["error"]["type"]) == (400, "invalid_request_error")
    assert "more than 1000000 keys" in told["error"]["message"]
