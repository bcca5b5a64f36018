"""The server from outside: its own routes, its refusals, and what it remembers."""

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tanzaku.core import UserError
from tanzaku.server import Server, find_body_limit

BODY = {
    "model": "claude-haiku-4-5",
    "max_tokens": 60,
    "messages": [{"role": "user", "content": "Hello"}],
}
HEADERS = {
    "content-type": "application/json",
    "x-api-key": "k",
    "anthropic-version": "2026-10-21",
}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(
    server: Server,
    method: str,
    target: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    try:
        raw = body if isinstance(body, bytes | None) else json.dumps(body)
        connection.request(method, target, raw, headers or {})
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, answer.read())
    finally:
        connection.close()


def ask(server: Server, **more: Any) -> Answer:
    return send(server, "POST", "/v1/messages", BODY | more, HEADERS)


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def server(shared: Server) -> Server:
    shared.reset()
    return shared


def test_health_says_what_runs(server: Server) -> None:
    before = send(server, "GET", "/_tanzaku/health").json["exchanges"]
    ask(server)
    answer = send(server, "GET", "/_tanzaku/health")
    health = answer.json
    assert list(health) == ["status", "version", "upstream", "ledger", "exchanges", "uptime_s"]
    assert (health["status"], health["upstream"], health["ledger"]) == ("ok", "simulator", None)
    assert health["exchanges"] == before + 1
    assert health["uptime_s"] > 0
    assert answer.headers["cache-control"] == "no-store"


def test_an_exchange_can_be_listed_and_read_whole(server: Server) -> None:
    answer = ask(server)
    exchange_id = answer.headers["tanzaku-exchange-id"]
    listed = send(server, "GET", "/_tanzaku/exchanges?limit=1").json["exchanges"]
    assert [exchange["exchange_id"] for exchange in listed] == [exchange_id]
    whole = send(server, "GET", f"/_tanzaku/exchanges/{exchange_id}").json
    assert {key: whole[key] for key in listed[0]} == listed[0]
    assert whole["request"]["body"] == BODY
    assert whole["response"]["body"] == answer.json
    assert whole["usage"] == answer.json["usage"]
    assert whole["request_id"] == answer.headers["request-id"]
    assert whole["model"] == "claude-haiku-4-5"
    assert whole["response_model"] == "claude-haiku-4-5-20251001"


def test_the_list_is_newest_first_and_can_be_filtered_and_paged(server: Server) -> None:
    server.fail(529)
    ids = [
        ask(server, model=model).headers["tanzaku-exchange-id"]
        for model in ("claude-haiku-4-5", "claude-haiku-5-5", "claude-haiku-4-5")
    ]

    def read(query: str) -> list[str]:
        found = send(server, "GET", f"/_tanzaku/exchanges?{query}").json["exchanges"]
        return [exchange["exchange_id"] for exchange in found]

    assert read("limit=3") == ids[::-1]
    assert read(f"limit=2&before={ids[2]}") == [ids[1], ids[0]]
    assert read("limit=1&model=claude-haiku-5-5") == [ids[1]]
    assert read("limit=1&status=529") == [ids[0]]
    assert read("limit=3&route=simulator") == ids[::-1]
    assert read("route=anthropic") == []


@pytest.mark.parametrize(
    ("method", "target", "status", "error_type"),
    [
        ("GET", "/", 404, "not_found_error"),
        ("GET", "/_tanzaku", 404, "not_found_error"),
        ("GET", "/_tanzaku/", 404, "not_found_error"),
        ("GET", "/_tanzaku/unheard", 404, "not_found_error"),
        ("GET", "/_tanzaku/exchanges/exch_none", 404, "not_found_error"),
        ("POST", "/_tanzaku/health", 404, "not_found_error"),
        ("DELETE", "/_tanzaku/exchanges", 404, "not_found_error"),
        ("GET", "/_tanzaku/exchanges?limit=0", 400, "invalid_request_error"),
        ("GET", "/_tanzaku/exchanges?limit=1001", 400, "invalid_request_error"),
        ("GET", "/_tanzaku/exchanges?limit=ten", 400, "invalid_request_error"),
        ("GET", "/_tanzaku/exchanges?limit=%D9%A1", 400, "invalid_request_error"),
        ("GET", "/_tanzaku/exchanges?status=9", 400, "invalid_request_error"),
        ("GET", "/_tanzaku/exchanges?before=exch_none", 400, "invalid_request_error"),
        ("GET", "/_tanzaku/exchanges?colour=red", 400, "invalid_request_error"),
        ("GET", "/v1/unheard/of", 404, "not_found_error"),
        ("GET", "/v1", 404, "not_found_error"),
    ],
)
def test_a_wrong_address_is_an_api_error(
    server: Server, method: str, target: str, status: int, error_type: str
) -> None:
    answer = send(server, method, target, headers={"x-api-key": "k"} | HEADERS)
    assert (answer.status, answer.json["error"]["type"]) == (status, error_type)
    assert answer.json["request_id"] == answer.headers["request-id"]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("target", ["/v1/messages", "/_tanzaku/exchanges", "/_tanzaku/health"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "rebound.example"}, 421),
        ({"host": "127.0.0.1.evil.test"}, 421),
        ({"host": "localhost/#@x"}, 400),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_a_foreign_host_or_page_is_refused_and_leaves_no_exchange(
    server: Server, target: str, headers: dict[str, str], status: int
) -> None:
    method = "POST" if target.startswith("/v1") else "GET"
    answer = send(server, method, target, BODY, HEADERS | headers)
    assert answer.status == status
    assert server.exchanges == []


def test_a_body_over_the_limit_is_refused_as_the_api_does(server: Server) -> None:
    answer = send(
        server,
        "POST",
        "/v1/messages",
        b" " * (find_body_limit("/v1/messages").most_bytes + 1),
        HEADERS,
    )
    assert (answer.status, answer.json["error"]["type"]) == (413, "request_too_large")
    assert answer.json["request_id"] == answer.headers["request-id"]
    assert server.exchanges == []


def test_say_and_fail_answer_the_next_requests_in_turn(server: Server) -> None:
    server.fail(429, retry_after=7)
    server.say("First.")
    server.say([{"type": "text", "text": "Second."}])
    answers = [ask(server) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 200, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert [answer.json["content"][0]["text"] for answer in answers[1:]] == ["First.", "Second."]


def test_requests_are_what_was_sent_newest_last_and_start_anew_after_reset(server: Server) -> None:
    server.fail(500)
    ask(server, max_tokens=1)
    ask(server, max_tokens=2)
    seen = server.requests
    assert [request.body for request in seen] == [BODY | {"max_tokens": n} for n in (1, 2)]
    assert {(request.method, request.path) for request in seen} == {("POST", "/v1/messages")}
    assert seen[0].headers["anthropic-version"] == "2026-10-21"
    assert "x-api-key" not in seen[0].headers
    assert [
        exchange.settlement and exchange.settlement.status for exchange in server.exchanges
    ] == [
        200,
        500,
    ]
    server.reset()
    assert server.requests == []
    assert server.exchanges == []
    ask(server, max_tokens=3)
    assert [request.body["max_tokens"] for request in server.requests] == [3]


def test_after_reset_the_same_question_gets_the_same_bytes(server: Server) -> None:
    first, second = ask(server).body, ask(server).body
    server.fail(529, times=9)
    server.say("Left over.", times=9)
    server.reset()
    assert (ask(server).body, ask(server).body) == (first, second)
    assert first != second


def test_a_ledger_file_outlives_its_server(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    with Server(ledger=path) as server:
        exchange_id = ask(server).headers["tanzaku-exchange-id"]
        assert send(server, "GET", "/_tanzaku/health").json["ledger"] == str(path)
    with Server(ledger=path) as server:
        whole = send(server, "GET", f"/_tanzaku/exchanges/{exchange_id}").json
        assert whole["request"]["body"] == BODY


def test_the_server_runs_in_the_loop_at_hand_too() -> None:
    async def scenario() -> int:
        async with Server() as server:
            answer = await asyncio.to_thread(ask, server)
            assert len(server.requests) == 1
        return answer.status

    assert asyncio.run(scenario()) == 200


def test_a_server_that_does_not_run_says_so() -> None:
    server = Server()
    with pytest.raises(UserError, match="not running"):
        _ = server.url
    with server:
        assert server.url.startswith("http://127.0.0.1:")
    with pytest.raises(UserError, match="not running"):
        _ = server.requests


@pytest.mark.parametrize("key", ["", "  ", "sk-ant-1\n", "sk ant", "sk-ant-\u00e9"])
def test_live_without_a_key_is_refused_before_anything_starts(key: str) -> None:
    with pytest.raises(UserError, match="key"):
        Server(live_api_key=key)


PROGRAM = """
import logging, os, signal
from tanzaku.server import Server

def stop(url):
    logging.getLogger("anyone").error("lost %r", {"x-api-key": "sk-ant-canary", "other": "kept"})
    os.kill(os.getpid(), signal.SIGTERM)

Server().run(on_ready=stop)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_what_a_running_server_logs_has_lost_its_credentials() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert "canary" not in done.stderr
    assert "lost" in done.stderr
    assert "kept" in done.stderr


LONG_PROMPTS = """
import asyncio, json, urllib.request
from tanzaku.server import Server

def ask(url, word):
    text = " ".join(f"{word}{number}" for number in range(2000))
    body = {"model": "claude-haiku-4-5", "max_tokens": 9}
    body["messages"] = [{"role": "user", "content": text}]
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    request = urllib.request.Request(url + "/v1/messages", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return answer.status

async def main():
    server = Server()
    for word in ("a", "b"):
        async with server:
            assert await asyncio.to_thread(ask, server.url, word) == 200
            server.reset()
            assert await asyncio.to_thread(ask, server.url, word * 2) == 200

asyncio.run(main())
"""


def test_a_server_takes_the_processes_it_started_with_it() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-c", LONG_PROMPTS],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
