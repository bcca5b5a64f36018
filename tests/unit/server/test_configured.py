"""A server by a configuration, in front of upstreams that are servers of their own."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest

from tanzaku.core import SystemClock
from tanzaku.server import Server, ServerOptions
from tanzaku.transport import HttpClient, HttpRequest, HttpResponse, get_header, read_all, serve

TOKEN = "admin-token-0123456789"
ENVIRONMENT = {"TANZAKU_ADMIN_TOKEN": TOKEN, "KEY": "canary-key-1", "KEY_2": "canary-key-2"}
MESSAGE = {
    "model": "claude-haiku-4-5",
    "max_tokens": 5,
    "messages": [{"role": "user", "content": "Hello"}],
}
START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-haiku-4-5",'
    b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
)
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@dataclass
class Api:
    """An upstream: answers with `status`, its name in the body; a stream waits for `go_on`."""

    name: str
    location: str = ""
    is_silent: bool = False
    status: int = 200
    requests: list[HttpRequest] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        if self.is_silent:
            await self.go_on.wait()
        kind = (b"content-type", b"application/json")
        if self.status >= 400:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": self.name}}
            return HttpResponse(self.status, [kind], json.dumps(error).encode())
        asked = json.loads(request.body or b"{}")
        if asked.get("stream"):
            return HttpResponse(200, [(b"content-type", b"text/event-stream")], self.stream())
        told = {"type": "message", "id": self.name, "model": asked.get("model")}
        headers = [kind]
        if self.location:
            headers.append((b"location", self.location.encode()))
        return HttpResponse(self.status, headers, json.dumps(told).encode())

    async def stream(self) -> AsyncIterator[bytes]:
        yield START
        await self.go_on.wait()
        yield STOP

    @property
    def keys(self) -> list[str]:
        return [(get_header(r.headers, b"x-api-key") or b"").decode() for r in self.requests]


class Bench:
    """Two upstreams, a client, and a server whose configuration is `text`, with `$A` and `$B` for
    the upstreams' addresses."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gateway.yaml"
        self.a, self.b = Api("a"), Api("b")
        self.server: Server
        self.client = HttpClient(clock=SystemClock())

    def write(self, text: str) -> None:
        self.path.write_text(text.replace("$A", self.a.url).replace("$B", self.b.url))

    async def open(self, stack: AsyncExitStack, text: str, ledger: Path | None = None) -> None:
        for api in (self.a, self.b):
            running = await stack.enter_async_context(serve(api, max_body_bytes=1 << 20))
            api.url = running.url
        self.write(text)
        options = ServerOptions(config=self.path, environment=ENVIRONMENT)
        self.server = await stack.enter_async_context(Server(ledger=ledger, options=options))
        stack.push_async_callback(self.client.close)

    async def send(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        lines = [(b"content-type", b"application/json"), (b"anthropic-version", b"2023-06-01")]
        lines += [(name.replace("_", "-").encode(), one.encode()) for name, one in headers.items()]
        raw = b"" if body is None else json.dumps(body).encode()
        request = HttpRequest(method, path, lines, raw)
        answer = await self.client.send(request, base_url=self.server.url)
        content = await read_all(answer)
        named = {name.decode(): value.decode() for name, value in answer.headers}
        return answer.status, json.loads(content), named

    async def ask(self, **headers: str) -> tuple[int, Any, dict[str, str]]:
        return await self.send("POST", "/v1/messages", MESSAGE, **headers)

    async def ask_admin(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        status, told, _ = await self.send(
            method, f"/_tanzaku/{path}", body, tanzaku_admin_token=TOKEN
        )
        return status, told

    async def find_attempts(self, answered: dict[str, str]) -> list[tuple[str, int | None]]:
        _, exchange, _ = await self.send(
            "GET", f"/_tanzaku/exchanges/{answered['tanzaku-exchange-id']}"
        )
        return [(attempt["upstream"], attempt["status"]) for attempt in exchange["attempts"]]


type Play = Callable[[str, Callable[[Bench], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def run(text: str, scene: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
        async def scenario() -> None:
            async with asyncio.timeout(30), AsyncExitStack() as stack:
                bench = Bench(tmp_path)
                await bench.open(stack, text)
                await scene(bench)

        asyncio.run(scenario())

    return run


TWO = """
upstreams:
  a: {kind: anthropic, url: $A, keys: [env:KEY, env:KEY_2], retry: {max_retries: 1, backoff_s: [0]}}
  b: {kind: anthropic, url: $B, keys: [env:KEY], retry: {max_retries: 0}}
routes:
  - to: a
    fall_back: [{upstream: b, model: claude-haiku-5-5}]
"""


def test_a_call_falls_back_after_its_retries_and_every_attempt_is_kept(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.a.status = 529
        status, told, headers = await bench.ask()
        assert (status, told["id"], told["model"]) == (200, "b", "claude-haiku-5-5")
        assert await bench.find_attempts(headers) == [("a", 529), ("a", 529), ("b", 200)]
        assert json.loads(bench.a.requests[0].body) == MESSAGE
        assert bench.b.keys == ["canary-key-1"]
        bench.b.status = 500
        status, told, headers = await bench.ask()
        assert (status, told["error"]["message"]) == (500, "b")
        assert headers["x-should-retry"] == "false"

    play(TWO, scene)


def test_a_broken_upstream_is_left_alone_and_the_admin_sees_it(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.a.status = 503
        for _ in range(3):
            await bench.ask()
        # Five failures opened the breaker in the middle of the third call.
        assert len(bench.a.requests) in {5, 6}
        asked = len(bench.a.requests)
        _, _, headers = await bench.ask()
        assert await bench.find_attempts(headers) == [("b", 200)]
        assert len(bench.a.requests) == asked
        _, told = await bench.ask_admin("GET", "routes")
        assert [one["breaker"] for one in told["upstreams"]] == ["open", "closed"]
        _, told = await bench.ask_admin("POST", "routes/explain", {"model": "claude-haiku-4-5"})
        assert [way["not_now"] for way in told["tries"]] == ["breaker", None]
        bench.b.status = 500
        for _ in range(5):
            await bench.ask()
        status, told, headers = await bench.ask()
        assert (status, told["error"]["type"]) == (503, "api_error")
        assert int(headers["retry-after"]) >= 1

    play(TWO, scene)


def test_a_reload_changes_keys_and_upstreams_without_dropping_a_stream(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        request = HttpRequest(
            "POST",
            "/v1/messages",
            [(b"content-type", b"application/json")],
            json.dumps(MESSAGE | {"stream": True}).encode(),
        )
        answer = await bench.client.send(request, base_url=bench.server.url)
        assert not isinstance(answer.body, bytes)
        first = await anext(aiter(answer.body))
        bench.write("upstreams:\n  b: {kind: anthropic, url: $B, keys: [env:KEY_2]}\n")
        status, told = await bench.ask_admin("POST", "config/reload", {})
        assert (status, told["upstreams"]) == (200, ["b"])
        _, message, _ = await bench.ask()
        assert (message["id"], bench.b.keys) == ("b", ["canary-key-2"])
        bench.a.go_on.set()
        assert first + await read_all(answer) == START + STOP

    play(TWO, scene)


def test_a_key_in_a_file_is_changed_by_a_reload(play: Play, tmp_path: Path) -> None:
    key = tmp_path / "a.key"
    key.write_text("canary-old\n")
    key.chmod(0o600)

    async def scene(bench: Bench) -> None:
        await bench.ask()
        key.write_text("canary-new\n")
        await bench.ask()
        await bench.ask_admin("POST", "config/reload", {})
        await bench.ask()
        assert bench.a.keys == ["canary-old", "canary-old", "canary-new"]

    play("upstreams: {a: {kind: anthropic, url: $A, keys: 'file:a.key'}}", scene)


def test_a_bad_new_file_changes_nothing_and_says_where_it_is_wrong(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        for text, says in (
            (TWO.replace("fall_back", "fallback"), "gateway.yaml:7:5: unknown key `fallback`"),
            (
                "upstreams: {sim: {kind: simulator}}\npreflight: block\n",
                "`preflight` cannot change",
            ),
        ):
            bench.write(text)
            status, told = await bench.ask_admin("POST", "config/reload", {})
            assert (status, told["error"]["type"]) == (400, "invalid_request_error")
            assert says in told["error"]["message"]
            _, message, _ = await bench.ask()
            assert message["id"] == "a"

    play(TWO, scene)


def test_an_upstream_that_a_reload_leaves_as_it_is_keeps_what_was_learnt_of_it(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.a.status = 500
        for _ in range(3):
            await bench.ask()
        bench.write(TWO + "    name: renamed\n")
        await bench.ask_admin("POST", "config/reload", {})
        _, told = await bench.ask_admin("GET", "routes")
        assert told["upstreams"][0]["breaker"] == "open"
        bench.write(TWO.replace("max_retries: 1", "max_retries: 2"))
        await bench.ask_admin("POST", "config/reload", {})
        _, told = await bench.ask_admin("GET", "routes")
        assert told["upstreams"][0]["breaker"] == "closed"

    play(TWO, scene)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "routes"), ("POST", "routes/explain"), ("POST", "config/reload")],
)
def test_without_the_admin_token_nothing_is_shown_or_changed(
    play: Play, method: str, path: str
) -> None:
    async def scene(bench: Bench) -> None:
        for headers in ({}, {"tanzaku_admin_token": "guess"}, {"authorization": "Bearer sk-tzk-x"}):
            status, told, _ = await bench.send(method, f"/_tanzaku/{path}", {}, **headers)
            assert (status, told["error"]["type"]) == (401, "authentication_error")

    play(TWO, scene)


def test_no_route_and_no_upstream_are_said_so_and_kept_in_the_ledger(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        status, told, headers = await bench.ask()
        assert (status, told["error"]["type"]) == (404, "not_found_error")
        assert "claude-haiku-4-5" in told["error"]["message"]
        assert "gateway.yaml" in told["error"]["message"]
        assert await bench.find_attempts(headers) == []
        assert bench.a.requests == []

    play(TWO.replace("- to: a", "- when: {model: claude-opus-*}\n    to: a"), scene)


@pytest.mark.requirement("L5")
def test_a_redirect_is_not_followed(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.a.status, bench.a.location = 307, f"{bench.b.url}/v1/messages"
        status, told, _ = await bench.ask()
        assert (status, told["id"]) == (307, "a")
        assert bench.b.requests == []

    play(TWO, scene)


def test_a_recording_answers_as_an_upstream(play: Play, tmp_path: Path) -> None:
    """What one server recorded, another one's route gives back."""
    recording = tmp_path / "taped.jsonl"

    async def record() -> Any:
        server = Server(options=ServerOptions(record=recording))
        lines = [(b"content-type", b"application/json"), (b"x-api-key", b"k")]
        lines.append((b"anthropic-version", b"2023-06-01"))
        request = HttpRequest("POST", "/v1/messages", lines, json.dumps(MESSAGE).encode())
        async with server, HttpClient(clock=SystemClock()) as client:
            return json.loads(await read_all(await client.send(request, base_url=server.url)))

    async def scene(bench: Bench) -> None:
        status, told, headers = await bench.ask()
        assert (status, told) == (200, recorded)
        assert await bench.find_attempts(headers) == [("taped", 200)]

    recorded = asyncio.run(record())
    assert recorded["type"] == "message"
    play("upstreams: {taped: {kind: replay, recording: taped.jsonl}}", scene)


@pytest.mark.parametrize(
    ("on", "status", "falls_back"),
    [
        ("", 429, True), ("", 503, True), ("", 529, True), ("", 404, False),
        ("[529]", 529, True), ("[529]", 429, False), ("[529]", 503, False),
        ("[5xx, '429']", 503, True), ("[5xx, '429']", 429, True), ("[5xx]", 529, False),
        ("[timeout]", 500, False), ("[]", 529, False),
    ],
)  # fmt: skip
def test_only_trouble_that_the_route_lists_leads_to_the_next(
    play: Play, on: str, status: int, falls_back: bool
) -> None:
    async def scene(bench: Bench) -> None:
        bench.a.status = status
        answered, told, _ = await bench.ask()
        if falls_back:
            assert (answered, told["id"]) == (200, "b")
        else:
            assert (answered, told["error"]["message"]) == (status, "a")
            assert bench.b.requests == []

    text = TWO.replace("max_retries: 1", "max_retries: 0")
    play(text + (f"    on: {on}\n" if on else ""), scene)


@pytest.mark.parametrize(("on", "falls_back"), [("[connect]", True), ("[timeout, 5xx]", False)])
def test_an_upstream_that_is_away_is_trouble_of_its_own(
    play: Play, on: str, falls_back: bool
) -> None:
    async def scene(bench: Bench) -> None:
        answered, told, _ = await bench.ask()
        assert (answered, told.get("id")) == ((200, "b") if falls_back else (502, None))

    # A port that nothing listens on: it is reserved and never given out.
    play(TWO.replace("$A", "http://127.0.0.1:1") + f"    on: {on}\n", scene)


@pytest.mark.parametrize(("on", "falls_back"), [("[timeout]", True), ("[connect]", False)])
def test_an_upstream_that_does_not_answer_in_time_is_another(
    play: Play, on: str, falls_back: bool
) -> None:
    async def scene(bench: Bench) -> None:
        bench.a.is_silent = True
        answered, told, _ = await bench.ask()
        bench.a.go_on.set()
        assert (answered, told.get("id")) == ((200, "b") if falls_back else (504, None))

    limits = "retry: {max_retries: 0}, timeouts: {first_byte_s: 0.05}"
    text = TWO.replace("retry: {max_retries: 1, backoff_s: [0]}", limits)
    play(text + f"    on: {on}\n", scene)


def test_what_became_of_keys_outlives_a_power_cut_without_slowing_what_may_be_asked_again(
    tmp_path: Path,
) -> None:
    """By SQLite's levels: with FULL (2) a commit in WAL mode is flushed, with NORMAL (1) not yet."""

    async def scene() -> dict[str, object]:
        async with asyncio.timeout(30), AsyncExitStack() as stack:
            bench = Bench(tmp_path)
            await bench.open(stack, TWO, tmp_path / "calls.db")
            _, made = await bench.ask_admin("POST", "keys", {"name": "checkout"})
            status, _ = await bench.ask_admin("POST", f"keys/{made['id']}/revoke", {})
            assert status == 200
            return {
                Path(connection.filename).name: connection.pragma("synchronous")
                for connection in apsw.connections()
                if connection.filename.startswith(str(tmp_path)) and not connection.readonly("main")
            }

    levels = asyncio.run(scene())
    assert (levels["calls.db.keys"], levels["calls.db.work"], levels["calls.db"]) == (2, 1, 2)
