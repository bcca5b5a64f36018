"""What reaches an upstream, and what is learnt from its answers."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.gateway.upstreams import BreakerSettings, Upstream, UpstreamSettings
from tanzaku.transport import (
    ConnectError,
    HeaderList,
    HttpRequest,
    HttpResponse,
    RequestRefusedError,
    Upload,
    UpstreamTimeout,
    get_header,
)

BODY = b'{"model":"claude-haiku-4-5"}'
CLIENTS: HeaderList = [
    (b"x-api-key", b"sk-tzk-of-the-client"),
    (b"authorization", b"Bearer sk-tzk-of-the-client"),
    (b"tanzaku-run", b"r1"),
    (b"accept-encoding", b"gzip"),
    (b"anthropic-version", b"2023-06-01"),
    (b"x-team", b"client"),
]


@dataclass
class Api:
    """Answers by key: a status, or a status with `retry-after`; 200 where nothing is said."""

    by_key: dict[str, int | tuple[int, str]] = field(default_factory=dict)
    failing: Exception | None = None
    requests: list[HttpRequest] = field(default_factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        if self.failing is not None:
            raise self.failing
        told = self.by_key.get(read_key(request), 200)
        status, wait = told if isinstance(told, tuple) else (told, "")
        headers = [(b"retry-after", wait.encode())] if wait else []
        return HttpResponse(status, headers, b"%d" % status)

    @property
    def keys(self) -> list[str]:
        return [read_key(request) for request in self.requests]


def read_key(request: HttpRequest) -> str:
    return (get_header(request.headers, b"x-api-key") or b"").decode()


@dataclass
class Bench:
    clock: VirtualClock
    api: Api
    upstream: Upstream

    def send(self, group: str = "haiku", **changes: Any) -> HttpResponse:
        given: dict[str, Any] = {"headers": list(CLIENTS), "body": BODY, "upload": None} | changes
        request = HttpRequest("POST", "/v1/messages", **given)
        answer: HttpResponse = asyncio.run(self.upstream.bind(group)(request))  # type: ignore[arg-type]
        return answer


type Build = Callable[..., Bench]


@pytest.fixture
def build() -> Build:
    def build_bench(*keys: str, **settings: Any) -> Bench:
        clock, api = VirtualClock(), Api()
        chosen = UpstreamSettings(
            "main", settings.pop("kind", "anthropic"), "https://api.test", keys, **settings
        )
        return Bench(clock, api, Upstream(chosen, api, clock))

    return build_bench


def test_an_upstream_gets_its_own_key_and_headers_and_nothing_private(build: Build) -> None:
    bench = build("key-1", headers=((b"x-team", b"house"),))
    bench.send()
    (request,) = bench.api.requests
    assert request.body == BODY
    assert sorted(request.headers) == [
        (b"accept-encoding", b"identity"),
        (b"anthropic-version", b"2023-06-01"),
        (b"x-api-key", b"key-1"),
        (b"x-team", b"house"),
    ]


def test_a_bearer_goes_where_bearers_go(build: Build) -> None:
    bench = build("key-1", auth="bearer")
    bench.send()
    headers = bench.api.requests[0].headers
    assert get_header(headers, b"authorization") == b"Bearer key-1"
    assert get_header(headers, b"x-api-key") is None


def test_a_key_goes_into_the_header_that_a_relay_wants(build: Build) -> None:
    bench = build("key-1", auth="x-relay-token")
    bench.send(headers=[*CLIENTS, (b"x-relay-token", b"of-the-client")])
    headers = bench.api.requests[0].headers
    assert [value for name, value in headers if name == b"x-relay-token"] == [b"key-1"]
    assert get_header(headers, b"x-api-key") is None


def test_without_keys_the_clients_own_credential_passes_but_never_a_virtual_key(
    build: Build,
) -> None:
    bench = build()
    bench.send(headers=[(b"x-api-key", b"of-the-client"), (b"tanzaku-run", b"r1")])
    bench.send()
    first, second = bench.api.keys
    assert (first, second) == ("of-the-client", "")
    assert get_header(bench.api.requests[0].headers, b"tanzaku-run") is None


@pytest.mark.parametrize("kind", ["bedrock", "vertex"])
def test_a_cloud_without_keys_gets_no_credential_of_the_client(build: Build, kind: str) -> None:
    bench = build(kind=kind)
    bench.send(headers=[(b"x-api-key", b"of-the-client"), (b"authorization", b"Bearer other")])
    assert bench.api.requests[0].headers == [(b"accept-encoding", b"identity")]


def test_the_simulator_gets_the_request_as_it_is(build: Build) -> None:
    bench = build(kind="simulator")
    bench.send()
    assert bench.api.requests[0].headers == CLIENTS


def test_keys_take_turns(build: Build) -> None:
    bench = build("a", "b")
    for _ in range(4):
        bench.send()
    assert bench.api.keys == ["a", "b", "a", "b"]


def test_a_limited_key_gives_way_at_once_and_rests_as_long_as_it_was_told(build: Build) -> None:
    bench = build("a", "b")
    bench.api.by_key = {"a": (429, "30")}
    assert bench.send().status == 200
    assert bench.api.keys == ["a", "b"]
    bench.clock.advance(29.9)
    bench.send()
    bench.send()
    assert bench.api.keys == ["a", "b", "b", "b"]
    bench.clock.advance(0.2)
    bench.api.by_key.clear()
    bench.send()
    bench.send()
    assert sorted(bench.api.keys[-2:]) == ["a", "b"]


def test_a_key_limited_for_one_class_of_models_serves_the_others(build: Build) -> None:
    bench = build("a", "b")
    bench.api.by_key = {"a": (429, "30"), "b": (429, "30")}
    assert bench.send("haiku").status == 429
    bench.api.by_key.clear()
    assert bench.upstream.find_bar("haiku") == "keys"
    assert bench.upstream.find_bar("opus") is None
    assert bench.send("opus").status == 200


def test_the_last_limited_key_says_so_in_the_upstreams_own_words(build: Build) -> None:
    bench = build("a", "b")
    bench.api.by_key = {"a": (429, "30"), "b": (429, "12")}
    answer = bench.send()
    assert (answer.status, answer.body) == (429, b"429")
    assert get_header(answer.headers, b"retry-after") == b"12"


def test_where_every_key_rests_the_shortest_wait_is_said_without_asking(build: Build) -> None:
    bench = build("a", "b")
    bench.api.by_key = {"a": (429, "30"), "b": (429, "12")}
    bench.send()
    bench.clock.advance(4.5)
    answer = bench.send()
    assert len(bench.api.requests) == 2
    assert isinstance(answer.body, bytes)
    told = json.loads(answer.body)
    assert told["error"]["type"] == "rate_limit_error"
    assert told["request_id"].encode() == get_header(answer.headers, b"request-id")
    assert answer.status == 429
    assert get_header(answer.headers, b"retry-after") == b"8"
    assert bench.upstream.find_wait("haiku") == pytest.approx(7.5)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_set_aside_when_another_is_taken(
    build: Build, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    bench = build("bad-key", "b")
    bench.api.by_key = {"bad-key": status}
    with caplog.at_level(logging.WARNING):
        assert bench.send().status == 200
    assert bench.api.keys == ["bad-key", "b"]
    assert "upstream main: key 1 is refused" in caplog.text
    assert "bad-key" not in caplog.text
    for _ in range(3):
        bench.send()
    assert bench.api.keys[2:] == ["b", "b", "b"]
    assert bench.upstream.describe()["keys_ready"] == 1
    bench.clock.advance(300)
    assert bench.upstream.describe()["keys_ready"] == 2


def test_a_request_that_every_key_is_refused_for_sets_none_aside(build: Build) -> None:
    """A model that the organization may not use is no fault of its keys."""
    bench = build("a", "b")
    bench.api.by_key = {"a": 403, "b": 403}
    answer = bench.send()
    assert (answer.status, answer.body) == (403, b"403")
    assert bench.upstream.describe()["keys_ready"] == 2


def test_a_failing_upstream_says_nothing_of_its_keys(build: Build) -> None:
    bench = build("a", "b")
    bench.api.by_key = {"a": 401, "b": 503}
    assert bench.send().status == 503
    assert bench.upstream.describe()["keys_ready"] == 2


def test_a_single_key_is_asked_whatever_it_was_told(build: Build) -> None:
    bench = build("a")
    bench.api.by_key = {"a": (429, "60")}
    for _ in range(2):
        answer = bench.send()
        assert (answer.status, answer.body) == (429, b"429")
    assert len(bench.api.requests) == 2
    assert bench.upstream.find_bar("haiku") is None


def test_an_upload_is_not_sent_twice(build: Build) -> None:
    async def scenario(bench: Bench) -> HttpResponse:
        request = HttpRequest("POST", "/v1/files", [], b"", "", Upload(3, lambda _: None))
        return await bench.upstream(request)

    bench = build("a", "b")
    bench.api.by_key = {"a": 429}
    assert asyncio.run(scenario(bench)).status == 429
    assert bench.api.keys == ["a"]


@pytest.mark.parametrize(
    ("status", "failing", "opens"),
    [
        (500, None, True),
        (529, None, True),
        (200, ConnectError("refused"), True),
        (200, UpstreamTimeout("first_byte", 1), True),
        (200, RequestRefusedError("a line break in a header"), False),
        (429, None, False),
        (404, None, False),
        (200, None, False),
    ],
)
def test_the_breaker_opens_for_what_is_the_upstreams_fault(
    build: Build, status: int, failing: Exception | None, opens: bool
) -> None:
    bench = build("a", breaker=BreakerSettings(failures=2, open_s=20))
    bench.api.by_key, bench.api.failing = {"a": status}, failing
    for _ in range(2):
        if failing is None:
            bench.send()
        else:
            with pytest.raises(type(failing)):
                bench.send()
    assert bench.upstream.find_bar("haiku") == ("breaker" if opens else None)
    assert bench.upstream.find_wait("haiku") == (20 if opens else 0)
    described = bench.upstream.describe()
    assert described["breaker"] == ("open" if opens else "closed")
    assert described.get("open_for_s") == (20 if opens else None)


def test_a_client_that_leaves_teaches_the_breaker_nothing(build: Build) -> None:
    bench = build("a", breaker=BreakerSettings(failures=1))
    bench.api.failing = asyncio.CancelledError()  # type: ignore[assignment]
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            bench.send()
    assert bench.upstream.find_bar("haiku") is None


@pytest.mark.requirement("K2")
def test_no_secret_stands_in_the_repr_of_its_settings_nor_in_its_state(build: Build) -> None:
    bench = build("canary-key", headers=((b"x-relay-token", b"canary-header"),))
    shown = repr(bench.upstream.settings) + json.dumps(bench.upstream.describe())
    assert "canary" not in shown
