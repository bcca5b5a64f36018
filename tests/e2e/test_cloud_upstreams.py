"""The official SDK on a gateway whose upstreams are clouds and a relay, each over a socket."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import anthropic
import pytest

from harness.command_line import CommandLine
from tanzaku.core import SystemClock
from tanzaku.simulator import Simulator, SimulatorSettings
from tanzaku.transport import HttpRequest, HttpResponse, ThreadedServer, get_header, serve

SCENARIO = """\
rules:
  - when: {last_user: busy}
    reply: {error: {status: 429, retry_after: 7}}
  - when: {last_user: overloaded}
    reply: {error: {status: 529}}
"""
CONFIG = """\
upstreams:
  runtime: {kind: bedrock, url: $FAR, region: us-east-1, retry: {max_retries: 0}}
  keyed: {kind: bedrock, url: $FAR, region: us-east-1, keys: [env:BEDROCK_KEY], profile: us}
  mantle: {kind: bedrock, url: $FAR, region: us-east-1, endpoint: mantle, retry: {max_retries: 0}}
  vertex: {kind: vertex, url: $FAR, region: us-east5, project: p, keys: [env:TOKEN],
           retry: {max_retries: 0}}
  relay:
    kind: anthropic
    url: $RELAY/claude
    keys: [env:RELAY_KEY]
    auth: x-relay-token
    headers: {x-tenant: team-7}
routes:
  - {when: {headers: {x-to: runtime}}, to: runtime}
  - {when: {headers: {x-to: keyed}}, to: keyed}
  - {when: {headers: {x-to: mantle}}, to: mantle}
  - {when: {headers: {x-to: vertex}}, to: vertex}
  - {when: {headers: {x-to: spare}}, to: runtime, fall_back: [{upstream: vertex, model: claude-haiku-5-5}]}
  - {when: {headers: {x-to: relay}}, to: relay}
"""
TOOL: Any = {
    "name": "track_parcel",
    "description": "Track a parcel",
    "input_schema": {
        "type": "object",
        "properties": {"number": {"type": "string"}},
        "required": ["number"],
    },
}
CLOUDS = ["runtime", "keyed", "mantle", "vertex"]


@dataclass
class Relay:
    """A relay in front of a simulator: a path prefix, a token and a tenant; no request ids, answers
    gzipped whatever was asked for."""

    simulator: Simulator
    targets: list[str] = field(default_factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.target.startswith("/claude/"):
            return await self.simulator(request)
        self.targets.append(request.target)
        assert get_header(request.headers, b"x-relay-token") == b"relay-key"
        assert get_header(request.headers, b"x-tenant") == b"team-7"
        assert get_header(request.headers, b"authorization") is None
        headers = [*request.headers, (b"x-api-key", b"k")]
        target = request.target.removeprefix("/claude")
        answer = await self.simulator(HttpRequest("POST", target, headers, request.body))
        kept = [line for line in answer.headers if line[0] != b"request-id"]
        if isinstance(answer.body, bytes) and not answer.body.startswith(b"event"):
            kept.append((b"content-encoding", b"gzip"))
            return HttpResponse(answer.status, kept, gzip.compress(answer.body))
        return HttpResponse(answer.status, kept, answer.body)


@dataclass
class Bench:
    sdk: anthropic.Anthropic
    relay: Relay

    def client(self, to: str) -> anthropic.Anthropic:
        return self.sdk.with_options(default_headers={"x-to": to})

    def exchange(self, raw: Any) -> Any:
        """The record of an answer."""
        exchange_id = raw.headers["tanzaku-exchange-id"]
        return self.sdk.get(f"/_tanzaku/exchanges/{exchange_id}", cast_to=object)


def ask(text: str = "Where is parcel SF1234567890?", **fields: Any) -> Any:
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-haiku-4-5", "max_tokens": 60, "messages": messages} | fields


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Relay]]:
    scenario = tmp_path_factory.mktemp("far") / "far.yaml"
    scenario.write_text(SCENARIO)
    settings = SimulatorSettings(scenarios=[scenario])
    relay = Relay(Simulator(clock=SystemClock(), settings=settings))
    with ThreadedServer(lambda: serve(relay, max_body_bytes=1 << 25)) as running:
        yield running.url, relay


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, far: tuple[str, Relay]) -> Iterator[Bench]:
    """One `tanzaku serve` for all tests here: they change nothing in it."""
    folder = tmp_path_factory.mktemp("gateway")
    path = folder / "gateway.yaml"
    path.write_text(CONFIG.replace("$FAR", far[0]).replace("$RELAY", far[0]))
    environment = {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "BEDROCK_KEY": "bedrock-key",
        "TOKEN": "a-token",
        "RELAY_KEY": "relay-key",
    }
    process = CommandLine(folder, environment).start("serve", "--port", "0", "--config", str(path))
    assert process.stdout is not None
    url = next(line for line in process.stdout if "ANTHROPIC_BASE_URL=" in line)
    base_url = url.rpartition("=")[2].strip()
    with anthropic.Anthropic(base_url=base_url, api_key="k", max_retries=0) as sdk:
        yield Bench(sdk, far[1])
    process.terminate()
    process.communicate(timeout=40)


def test_messages_streams_and_tools_through_every_cloud(bench: Bench) -> None:
    direct = bench.client("relay").messages.create(**ask(tools=[TOOL]))
    for cloud in CLOUDS:
        client = bench.client(cloud)
        raw = client.messages.with_raw_response.create(**ask(tools=[TOOL]))
        message = raw.parse()
        with client.messages.stream(**ask(tools=[TOOL])) as stream:
            events = [event.type for event in stream]
            streamed = stream.get_final_message()
        for got in (message, streamed):
            assert [block.to_dict() | {"id": ""} for block in got.content] == [
                block.to_dict() | {"id": ""} for block in direct.content
            ], cloud
            assert (got.stop_reason, got.model) == ("tool_use", "claude-haiku-4-5-20251001")
            assert got.usage.output_tokens == direct.usage.output_tokens
        assert (events[0], events[-1]) == ("message_start", "message_stop")
        record = bench.exchange(raw)
        assert raw.headers["request-id"] == record["request_id"], cloud
        assert (record["route"], record["usage"]["input_tokens"]) == (
            cloud,
            direct.usage.input_tokens,
        )
        assert float(record["cost_usd"]) > 0


@pytest.mark.parametrize("cloud", ["runtime", "mantle", "vertex"])
def test_errors_of_clouds_are_the_sdk_s_own(bench: Bench, cloud: str) -> None:
    client = bench.client(cloud)
    for is_stream in (False, True):
        with pytest.raises(anthropic.RateLimitError):
            client.messages.create(**ask("busy", stream=is_stream))
        with pytest.raises(anthropic.InternalServerError) as overloaded:
            client.messages.create(**ask("overloaded", stream=is_stream))
        assert overloaded.value.status_code == 529
        with pytest.raises(anthropic.BadRequestError, match="nonsense: Extra inputs"):
            client.messages.create(**ask(stream=is_stream, extra_body={"nonsense": 1}))
    with pytest.raises(anthropic.NotFoundError, match="Map it in the upstream's `models`"):
        client.messages.create(**ask(model="gpt-9"))
    with pytest.raises(anthropic.NotFoundError, match="Route it to an upstream of kind"):
        client.models.list()


def test_tokens_are_counted_where_the_cloud_can(bench: Bench) -> None:
    question: Any = {"model": "claude-haiku-4-5", "messages": ask()["messages"]}
    counts = {
        cloud: bench.client(cloud).messages.count_tokens(**question).input_tokens
        for cloud in ("mantle", "vertex", "relay")
    }
    assert len(set(counts.values())) == 1
    with pytest.raises(anthropic.NotFoundError, match="Amazon Bedrock has no POST"):
        bench.client("runtime").messages.count_tokens(**question)


def test_a_cloud_that_has_no_room_gives_way_to_another(bench: Bench) -> None:
    """Both are told to be busy; the exchange has both tries, the client the last one's answer."""
    with pytest.raises(anthropic.RateLimitError) as caught:
        bench.client("spare").messages.create(**ask("busy", stream=True))
    record = bench.exchange(caught.value.response)
    assert [(one["upstream"], one["status"]) for one in record["attempts"]] == [
        ("runtime", 429),
        ("vertex", 429),
    ]


def test_a_relay_with_a_prefix_and_a_token_header_of_its_own(bench: Bench) -> None:
    raw = bench.client("relay").messages.with_raw_response.create(**ask())
    message = raw.parse()
    assert message.content
    assert "request-id" not in raw.headers
    with bench.client("relay").messages.stream(**ask()) as stream:
        assert stream.get_final_message().usage == message.usage
    record = bench.exchange(raw)
    assert (record["route"], record["usage"]["output_tokens"]) == (
        "relay",
        message.usage.output_tokens,
    )
    assert "/claude/v1/messages" in bench.relay.targets
    assert json.dumps(record).find("relay-key") < 0
