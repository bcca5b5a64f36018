"""Nothing is lost on the way: an upstream and a client on raw sockets that share no code with the
product, and between them the gateway as it is served. The rows are those that other gateways were
measured by (unknown fields, headers, errors, streams, every path)."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from harness.beats import comes_within
from tanzaku.core import SystemClock
from tanzaku.gateway import Gateway, OneTarget, RetryPolicy
from tanzaku.ledger import Ledger
from tanzaku.transport import HttpClient, serve

KEPT_HEADERS = {
    "request-id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    "anthropic-organization-id": "0b3e6a3c-5f0e-4f6c-9a51-000000000001",
    "anthropic-ratelimit-requests-limit": "1000",
    "anthropic-ratelimit-requests-remaining": "999",
    "anthropic-ratelimit-requests-reset": "2026-11-24T10:00:00Z",
    "anthropic-ratelimit-input-tokens-remaining": "1999000",
    "anthropic-priority-input-tokens-limit": "12000",
    "x-should-retry": "true",
    "cf-ray": "8c2f1",
    "x-nobody-knows": "kept, too",
}
MESSAGE = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCgIYAhIkMTIz+/=="},
        {"type": "block_of_next_year", "payload": {"n": 1.0, "s": "\u2028"}},
        {"type": "text", "text": "Grüße, 你好 🀄"},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "field_of_next_year": [None, True],
    "usage": {
        "input_tokens": 12,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 2048,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 9,
    },
}
REQUEST = {
    "model": "claude-haiku-4-5",
    "max_tokens": 64,
    "field_of_next_year": {"deep": [1, 2.50, "x"]},
    "messages": [
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": "4",
                    "cache_control": {"type": "ephemeral", "ttl": "1h"},
                }
            ],
        }
    ],
}


@dataclass
class Raw:
    """Answers every connection's requests with `answer` in `pieces`, and keeps what it read."""

    pieces: Sequence[bytes]
    cuts: bool = False
    requests: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, found, rest = head.lower().partition(b"content-length: ")
                size = int(rest.partition(b"\r\n")[0]) if found else 0
                self.requests.append(head + await reader.readexactly(size))
                for piece in self.pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.cuts:
                    writer.transport.abort()
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def open_gateway(upstream: Raw, retry: RetryPolicy | None = None) -> AsyncIterator[int]:
    """The port of a gateway before `upstream`."""
    server = await asyncio.start_server(upstream, "127.0.0.1", 0)
    base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    clock = SystemClock()
    with Ledger.open(None, clock=clock) as ledger:
        async with server, HttpClient(clock=clock) as client:

            async def send(request: Any) -> Any:
                return await client.send(request, base_url=base_url)

            gateway = Gateway(OneTarget("raw", send, retry), ledger=ledger, clock=clock)
            async with serve(gateway, max_body_bytes=1 << 20) as running:
                yield running.port


async def ask(port: int, method: str, target: str, body: bytes, *lines: str) -> bytes:
    """The whole answer as bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1", "connection: close", *lines]
    if body:
        head.append(f"content-length: {len(body)}")
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


def build_answer(
    status: str, body: bytes, content_type: str = "application/json", **more: str
) -> bytes:
    headers = {"content-type": content_type, **KEPT_HEADERS, **more}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def split(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers, body, its chunks joined."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    if headers.get("transfer-encoding") == "chunked":
        joined = b""
        while body:
            size, _, rest = body.partition(b"\r\n")
            if not (count := int(size, 16)):
                break
            joined, body = joined + rest[:count], rest[count + 2 :]
        body = joined
    return status, headers, body


def exchange(
    raw: Raw, method: str, target: str, body: bytes, *lines: str, retry: RetryPolicy | None = None
) -> bytes:
    async def go() -> bytes:
        async with open_gateway(raw, retry) as port:
            return await ask(port, method, target, body, *lines)

    return asyncio.run(go())


PATHS = [
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages?beta=true"),
    ("POST", "/v1/messages/count_tokens"),
    ("POST", "/v1/messages/batches"),
    ("GET", "/v1/messages/batches/msgbatch_1"),
    ("GET", "/v1/messages/batches?limit=2&after_id=msgbatch_1"),
    ("DELETE", "/v1/messages/batches/msgbatch_1"),
    ("GET", "/v1/models?lifecycle%5B%5D=active"),
    ("GET", "/v1/files/file_1/content"),
    ("POST", "/v1/skills"),
    ("POST", "/v1/family_of_next_year/x/y"),
    ("PATCH", "/v1/agents/agent_1"),
]


@pytest.mark.parametrize(("method", "target"), PATHS, ids=[f"{m} {t}" for m, t in PATHS])
def test_every_path_passes_both_ways_byte_for_byte(method: str, target: str) -> None:
    answered = json.dumps(MESSAGE, ensure_ascii=False, indent=1).encode()
    asked = b"" if method in {"GET", "DELETE"} else json.dumps(REQUEST, indent=3).encode()
    raw = Raw([build_answer("200 OK", answered)])
    answer = exchange(
        raw,
        method,
        target,
        asked,
        "content-type: application/json",
        "anthropic-version: 2023-06-01",
        "anthropic-beta: beta-of-next-year-2027-01-01,files-api-2025-04-14",
        "x-api-key: sk-ant-client",
        "x-stainless-lang: python",
        "x-own: 1",
    )
    status, headers, body = split(answer)
    assert status == "HTTP/1.1 200 OK"
    assert body == answered
    assert KEPT_HEADERS.items() <= headers.items()
    head, _, sent = raw.requests[0].partition(b"\r\n\r\n")
    assert sent == asked
    assert head.startswith(f"{method} {target} HTTP/1.1\r\n".encode())
    lines = head.decode().lower().split("\r\n")
    assert "anthropic-beta: beta-of-next-year-2027-01-01,files-api-2025-04-14" in lines
    assert "x-stainless-lang: python" in lines
    assert "x-own: 1" in lines


ERRORS = [
    ("429 Too Many Requests", "rate_limit_error", {"retry-after": "7"}),
    ("529 Site Is Overloaded", "overloaded_error", {}),
    ("500 Internal Server Error", "api_error", {}),
    ("504 Gateway Timeout", "timeout_error", {}),
    ("413 Payload Too Large", "request_too_large", {}),
    ("402 Payment Required", "billing_error", {}),
    ("418 I'm a Teapot", "error_of_next_year", {"retry-after": "3"}),
]


@pytest.mark.parametrize(
    ("status", "error_type", "more"), ERRORS, ids=[status for status, _, _ in ERRORS]
)
def test_an_error_keeps_status_type_words_and_retry_after(
    status: str, error_type: str, more: dict[str, str]
) -> None:
    envelope = {
        "type": "error",
        "error": {"type": error_type, "message": "As it was said.", "details": {"x": 1}},
        "request_id": KEPT_HEADERS["request-id"],
    }
    said = json.dumps(envelope, indent=2).encode()
    answer = exchange(Raw([build_answer(status, said, **more)]), "POST", "/v1/messages", b"{}")
    line, headers, body = split(answer)
    assert line.split(" ")[1] == status.split(" ")[0]
    assert body == said
    assert (KEPT_HEADERS | more).items() <= headers.items()


def test_a_page_of_a_proxy_passes_as_it_is() -> None:
    page = b"<html><h1>502 Bad Gateway</h1></html>"
    answer = exchange(
        Raw([build_answer("502 Bad Gateway", page, "text/html")]), "POST", "/v1/messages", b"{}"
    )
    assert split(answer)[2] == page


def build_stream() -> bytes:
    start = {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None}}
    events = [
        start,
        {"type": "event_of_next_year", "x": 1},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *[
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": t}}
            for t in ("Grüße, ", "你好 ", "🀄", " ")
        ],
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 9},
        },
        {"type": "message_stop"},
    ]
    frames = [
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
        for event in events
    ]
    return (": a comment\n\n" + "".join(frames)).encode()


STREAMS = {
    "line feeds": build_stream(),
    "carriage returns": build_stream().replace(b"\n", b"\r\n"),
}


def cut(stream: bytes, seed: int) -> list[bytes]:
    """The stream in chunks of HTTP, cut anywhere: seed 0 into single bytes, others at random."""
    chance, pieces, rest = Random(seed), [], stream
    while rest:
        size = 1 if seed == 0 else chance.randrange(1, 60)
        pieces.append(rest[:size])
        rest = rest[size:]
    return [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"request-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n"
)


@pytest.mark.parametrize("is_repaired", [False, True], ids=["as it is", "repaired"])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", list(STREAMS))
def test_a_stream_arrives_with_the_hash_it_left_with(
    name: str, seed: int, is_repaired: bool
) -> None:
    stream = STREAMS[name]
    raw = Raw([HEAD, *cut(stream, seed), b"0\r\n\r\n"])
    retry = RetryPolicy() if is_repaired else None
    body = json.dumps(REQUEST | {"stream": True}).encode()
    _, headers, got = split(exchange(raw, "POST", "/v1/messages", body, retry=retry))
    assert hashlib.sha256(got).digest() == hashlib.sha256(stream).digest()
    assert headers["request-id"] == "req_1"


def test_an_error_event_in_a_stream_passes_as_it_is() -> None:
    stream = build_stream()[:600].rpartition(b"\n\n")[0] + b"\n\n"
    stream += b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    raw = Raw([HEAD, *cut(stream, 3), b"0\r\n\r\n"])
    assert split(exchange(raw, "POST", "/v1/messages", b"{}", retry=RetryPolicy()))[2] == stream


@pytest.mark.parametrize("length", [150, 450, 700, 900])
def test_a_stream_that_breaks_off_ends_in_one_well_formed_error_event(length: int) -> None:
    whole = build_stream()
    raw = Raw([HEAD, *cut(whole[:length], 5)], cuts=True)
    answer = exchange(raw, "POST", "/v1/messages", b"{}", retry=RetryPolicy())
    assert answer.endswith(b"0\r\n\r\n")
    got = split(answer)[2]
    passed, _, last = got.rpartition(b"event: error\n")
    assert whole.startswith(passed)
    assert passed.endswith(b"\n\n") or not passed
    assert got.count(b"event: error\n") == 1
    event = json.loads(last.removeprefix(b"data: ").rstrip())
    assert event["error"]["type"] == "api_error"
    assert last.endswith(b"\n\n")


@pytest.mark.requirement("L4")
def test_what_only_concerns_one_connection_or_is_secret_stays_behind() -> None:
    raw = Raw([build_answer("200 OK", b"{}", **{"set-cookie": "a=b"})])
    _, headers, _ = split(
        exchange(
            raw,
            "POST",
            "/v1/messages",
            b"{}",
            "cookie: session=1",
            "x-forwarded-for: 203.0.113.9",
            "x-forwarded-host: evil.test",
            "forwarded: for=203.0.113.9",
            "keep-alive: timeout=5",
            "te: trailers",
        )
    )
    sent = raw.requests[0].lower()
    for name in (b"cookie", b"x-forwarded", b"forwarded:", b"keep-alive", b"te:", b"evil.test"):
        assert name not in sent
    assert "set-cookie" not in headers


@pytest.mark.requirement("L3")
def test_a_client_that_leaves_cancels_the_upstream_within_a_second() -> None:
    async def go() -> bool:
        closed = asyncio.Event()
        begun = asyncio.Event()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(HEAD + cut(build_stream()[:500], 7)[0])
            await writer.drain()
            begun.set()
            while await reader.read(100):
                pass
            closed.set()
            writer.close()

        async with open_gateway(upstream) as port:  # type: ignore[arg-type]
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}"
            )
            await begun.wait()
            writer.transport.abort()
            return await comes_within(closed, 1)

    assert asyncio.run(go())
