"""What the admin paths of routes say."""

import asyncio
import json
from random import Random
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.gateway.routes import RouteRoutes, RouteTable, Rule, Way, When
from tanzaku.gateway.upstreams import BreakerSettings, Upstream, UpstreamSettings
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError

TOKEN = "admin-token-0123456789"
RULES = [
    Rule("haiku", (Way("main", 9), Way("spare")), When(model="*haiku*", team="search")),
    Rule("rest", (Way("main"),), fall_back=(Way("spare", model="claude-haiku-4-5"),)),
]


class Bench:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        upstreams = {
            name: Upstream(
                UpstreamSettings(
                    name,
                    "anthropic",
                    "https://api.test",
                    ("canary-key",),
                    breaker=BreakerSettings(failures=1),
                    probe_s=5,
                ),
                self.answer_529,
                self.clock,
            )
            for name in ("main", "spare")
        }
        self.table = RouteTable(RULES, upstreams, Random(1))
        self.routes = RouteRoutes(self.table, TOKEN)

    async def answer_529(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(529, [], b"")

    def send(
        self, method: str, path: str, told: Any = None, token: str = TOKEN, kind: str = "json"
    ) -> Any:
        headers = [
            (b"content-type", f"application/{kind}".encode()),
            (b"tanzaku-admin-token", token.encode()),
        ]
        request = HttpRequest(method, f"/_tanzaku/routes{path}", headers, json.dumps(told).encode())
        answer = asyncio.run(self.routes(request))
        assert answer.status == 200
        assert isinstance(answer.body, bytes)
        assert b"canary" not in answer.body
        return json.loads(answer.body)


def test_a_call_is_explained() -> None:
    explained = Bench().send(
        "POST", "/explain", {"model": "claude-haiku-4-5", "team": "shop", "tags": ["a"]}
    )
    assert explained == {
        "route": "rest",
        "tries": [
            {"upstream": "main", "weight": 1.0, "model": None, "not_now": None},
            {"upstream": "spare", "weight": 1.0, "model": "claude-haiku-4-5", "not_now": None},
        ],
        "earlier_routes": [{"route": "haiku", "does_not_hold": "team"}],
        "violations": [],
    }


def test_a_whole_body_is_looked_at_as_the_api_would() -> None:
    body = {"model": "claude-haiku-4-5", "max_tokens": 10, "messages": [], "temprature": 1}
    headers = {"anthropic-version": "2023-06-01"}
    explained = Bench().send("POST", "/explain", {"body": body, "headers": headers})
    assert explained["route"] == "rest"
    assert "temprature: Extra inputs are not permitted" in explained["violations"]


def test_the_state_of_every_upstream_is_shown() -> None:
    bench = Bench()
    asyncio.run(bench.table.upstreams["main"](HttpRequest("POST", "/v1/messages", [], b"{}")))
    bench.clock.advance(5)
    main, spare = bench.send("GET", "")["upstreams"]
    assert (main["name"], main["breaker"], main["open_for_s"]) == ("main", "open", 10)
    assert (spare["name"], spare["breaker"], spare["probe"]) == ("spare", "closed", "well")
    explained = bench.send("POST", "/explain", {"model": "m"})
    assert [way["not_now"] for way in explained["tries"]] == ["breaker", None]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"model": 4}, "must be texts"),
        ({"tags": "a"}, "tags must be a list"),
        ({"headers": []}, "headers and body objects"),
        ({"body": "x"}, "headers and body objects"),
        ([], "must be an object"),
    ],
)
def test_what_cannot_be_a_call_is_refused(told: Any, says: str) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        Bench().send("POST", "/explain", told)
    assert refused.value.status == 400


def test_only_the_admin_token_opens_it_and_only_json_is_read() -> None:
    for method, path in (("GET", ""), ("POST", "/explain")):
        with pytest.raises(ApiError) as refused:
            Bench().send(method, path, {}, token="sk-tzk-a-virtual-key")
        assert refused.value.status == 401
    with pytest.raises(ApiError, match="application/json"):
        Bench().send("POST", "/explain", {}, kind="x-www-form-urlencoded")


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", "/explain"), ("GET", "/x")])
def test_other_paths_are_not_there(method: str, path: str) -> None:
    with pytest.raises(ApiError) as refused:
        Bench().send(method, path, {})
    assert refused.value.status == 404
