"""Replies from upstreams that answer in every way HTTP has, and break off in every way sockets have."""

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import astuple
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from harness.upstream import HandLoop, Link, open_upstream, run_scenario
from tanzaku.core import SystemClock, VirtualClock
from tanzaku.transport import HttpClient, HttpRequest
from tanzaku.wire import encode_event, split_message
from tanzaku.workbench.sending import MAX_BODY_BYTES, Reply, Sender

ASK = HttpRequest(
    "POST",
    "/v1/messages",
    [(b"x-api-key", b"k"), (b"anthropic-version", b"2023-06-01")],
    b'{"model": "claude-haiku-4-5", "stream": true}',
)
GET = HttpRequest("GET", "/orders", [], b"")
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "你好", "citations": None}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1000, "output_tokens": 10},
}

type Script = Callable[[Link], Coroutine[Any, Any, None]]


def answering(*pieces: bytes) -> Script:
    async def script(link: Link) -> None:
        await link.read_request()
        await link.send(*pieces)

    return script


def with_length(head: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body)


def fetch(
    script: Script,
    request: HttpRequest = ASK,
    *,
    prefix: str = "",
    secrets: tuple[str, ...] = (),
) -> Reply:
    async def scenario() -> Reply:
        async with open_upstream(script) as it, HttpClient(clock=SystemClock()) as client:
            return await Sender(client, SystemClock(), it.url + prefix, secrets).send(request)

    return asyncio.run(scenario())


def encode_stream(message: dict[str, Any]) -> bytes:
    return b"".join(encode_event(event) for event in split_message(message))


def test_a_stream_of_claudes_is_its_message_with_usage_cost_and_reason() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream ;charset=UTF-8\r\nrequest-id: req_7\r\n"
    reply = fetch(answering(head + b"\r\n", encode_stream(MESSAGE)))
    assert reply.message is not None
    assert reply.message["content"] == MESSAGE["content"]
    assert (reply.text, reply.json, reply.trouble) == ("你好", reply.message, None)
    assert reply.stream_problem is None
    assert [name for _, name, _ in reply.events][::7] == ["message_start"]
    settled = reply.exchange.settlement
    assert settled is not None
    assert (settled.stop_reason, settled.request_id) == ("end_turn", "req_7")
    assert settled.response_model == MESSAGE["model"]
    # $1 and $5 for a million tokens of Haiku 4.5.
    assert reply.cost_usd == (1000 * Decimal(1) + 10 * Decimal(5)) / 10**6


def test_somebody_elses_stream_has_frames_and_no_order_to_be_wrong() -> None:
    body = b'data: {"choices": [{"delta": {"content": "a"}}]}\n\ndata: [DONE]\n\n'
    reply = fetch(answering(SSE + b"\r\n", body), GET)
    assert [data for _, _, data in reply.events] == [
        {"choices": [{"delta": {"content": "a"}}]},
        "[DONE]",
    ]
    assert (reply.message, reply.stream_problem, reply.usage) == (None, None, None)
    with pytest.raises(ValueError, match="no message"):
        _ = reply.json


def test_frames_carry_the_time_their_last_byte_came() -> None:
    async def scenario(loop: HandLoop) -> Reply:
        clock = VirtualClock()
        is_asked, has_come = asyncio.Event(), [asyncio.Event(), asyncio.Event()]

        async def script(link: Link) -> None:
            await link.read_request()
            is_asked.set()
            await link.send(SSE + b"content-length: 27\r\n\r\n")
            for event, piece in zip(
                has_come, (b"data: 1\n\ndata", b": 2\n\ndata: 3\n\n"), strict=True
            ):
                await event.wait()
                await link.send(piece)

        async with open_upstream(script) as it, HttpClient(clock=clock) as client:
            task = asyncio.create_task(Sender(client, clock, it.url).send(GET))
            await is_asked.wait()
            for event, seconds in zip(has_come, (0.25, 1.5), strict=True):
                await loop.pass_time(0, it.links[0].writer)
                clock.advance(seconds)
                event.set()
            return await task

    reply = run_scenario(scenario)
    assert [(one.at_ms, one.frame.data) for one in reply.frames] == [
        (250.0, b"1"),
        (1750.0, b"2"),
        (1750.0, b"3"),
    ]
    assert (reply.ttft_ms, reply.total_ms, reply.max_gap_ms) == (250.0, 1750.0, 1500.0)


@pytest.mark.parametrize(
    ("before", "status", "body"),
    [(b"", None, b""), (SSE + b"\r\ndata: 1\n\ndata: 2", 200, b"data: 1\n\ndata: 2")],
    ids=["no header", "half a body"],
)
def test_a_request_that_takes_too_long_ends_and_takes_its_connection_with_it(
    before: bytes, status: int | None, body: bytes
) -> None:
    async def scenario(loop: HandLoop) -> Reply:
        is_asked, is_closed = asyncio.Event(), asyncio.Event()

        async def script(link: Link) -> None:
            await link.read_request()
            is_asked.set()
            await link.send(before)
            await link.wait_closed()
            is_closed.set()

        async with open_upstream(script) as it, HttpClient(clock=SystemClock()) as client:
            sender = Sender(client, SystemClock(), it.url)
            task = asyncio.create_task(sender.send(GET, timeout_s=7.5))
            await is_asked.wait()
            await loop.pass_time(7.4, it.links[0].writer)
            assert not task.done()
            await loop.pass_time(0.2, it.links[0].writer)
            await is_closed.wait()
            return await task

    reply = run_scenario(scenario)
    assert (reply.trouble, reply.status, reply.body) == ("timeout", status, body)
    assert reply.problem == "no whole answer came within 7.5 s"
    assert len(reply.frames) == body.count(b"\n\n")


def test_a_cancelled_request_closes_its_connection() -> None:
    async def scenario() -> None:
        is_asked, is_closed = asyncio.Event(), asyncio.Event()

        async def script(link: Link) -> None:
            await link.read_request()
            is_asked.set()
            await link.send(SSE + b"\r\ndata: 1\n\n")
            await link.wait_closed()
            is_closed.set()

        async with open_upstream(script) as it, HttpClient(clock=SystemClock()) as client:
            task = asyncio.create_task(Sender(client, SystemClock(), it.url).send(GET))
            await is_asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(is_closed.wait(), 20)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("method", "answer", "status"),
    [
        ("GET", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304),
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-encoding: br\r\n\r\n", 200),
        ("GET", with_length(b"200 OK\r\ncontent-encoding: gzip", b""), 200),
    ],
    ids=["204 after 103", "304", "HEAD", "nothing in gzip"],
)
def test_an_answer_without_a_body_is_whole(method: str, answer: bytes, status: int) -> None:
    reply = fetch(answering(answer), HttpRequest(method, "/orders", [], b""))
    assert (reply.status, reply.body, reply.trouble, reply.ttft_ms) == (status, b"", None, None)


@pytest.mark.parametrize(
    ("coding", "pack"),
    [(b"gzip", gzip.compress), (b"deflate", zlib.compress)],
    ids=["gzip", "deflate"],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_compressed_stream_is_read_as_it_comes(
    coding: bytes, pack: Callable[[bytes], bytes], step: int
) -> None:
    packed = pack(encode_stream(MESSAGE))
    pieces = [packed[start : start + step] for start in range(0, len(packed), step)]
    head = SSE + b"content-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (coding, len(packed))
    reply = fetch(answering(head, *pieces))
    assert (reply.text, reply.body, reply.trouble) == ("你好", encode_stream(MESSAGE), None)


@pytest.mark.parametrize(
    ("answer", "trouble", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "broken", b"half"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "broken", b"half"),
        (b"what is this?\r\n\r\n", "broken", b""),
        (with_length(b"200 OK\r\ncontent-encoding: br", b"x"), "encoding", b""),
        (
            with_length(b"200 OK\r\ncontent-encoding: gzip", gzip.compress(b"half", 0)[:-8]),
            "encoding",
            b"half",
        ),
        (
            with_length(b"200 OK\r\ncontent-encoding: gzip", gzip.compress(bytes(4 << 20))),
            "too_large",
            b"",
        ),
    ],
    ids=["cut", "cut chunks", "no HTTP", "unknown coding", "cut gzip", "bomb"],
)
def test_a_broken_answer_keeps_what_came_and_says_what_is_wrong(
    answer: bytes, trouble: str, body: bytes
) -> None:
    reply = fetch(answering(answer), GET)
    assert (reply.trouble, reply.body) == (trouble, body)
    assert reply.problem
    assert reply.status == (None if answer.startswith(b"what") else 200)


def test_an_answer_without_end_is_cut_at_the_bound() -> None:
    async def script(link: Link) -> None:
        await link.read_request()
        await link.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await link.send(bytes(1 << 20))

    reply = fetch(script, GET)
    assert reply.trouble == "too_large"
    assert MAX_BODY_BYTES - (1 << 20) < len(reply.body) <= MAX_BODY_BYTES


def test_no_answer_is_a_reply_too() -> None:
    async def scenario(base_url: str, request: HttpRequest) -> Reply:
        async with HttpClient(clock=SystemClock()) as client:
            return await Sender(client, SystemClock(), base_url).send(request)

    async def find_free_url() -> str:
        async with open_upstream(answering()) as it:
            return it.url

    refused = asyncio.run(scenario(asyncio.run(find_free_url()), GET))
    assert (refused.trouble, refused.status, refused.body) == ("connect", None, b"")
    odd = HttpRequest("GET", "/", [(b"x-odd", b"a\r\nb")], b"")
    unsendable = asyncio.run(scenario("http://127.0.0.1:1", odd))
    assert (unsendable.trouble, unsendable.exchange.settlement) == ("unsendable", None)
    with_password = asyncio.run(scenario("http://me:hunter2@127.0.0.1:1", GET))
    assert with_password.trouble == "unsendable"
    assert "hunter2" not in repr(with_password)


def test_the_exchange_has_the_request_as_it_went_on_the_wire() -> None:
    received = bytearray()

    async def script(link: Link) -> None:
        received.extend(await link.read_request())
        await link.send(with_length(b"200 OK", b"{}"))

    request = HttpRequest(
        "PUT",
        "/v1/orders/7?page=2",
        [
            (b"Content-Type", b"application/json"),
            (b"connection", b"close"),
            (b"content-length", b"999"),
            (b"Tanzaku-Run", b"r1"),
        ],
        b'{"a": 1}',
    )
    reply = fetch(script, request, prefix="/relay/")
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "PUT /relay/v1/orders/7?page=2 HTTP/1.1"
    assert [f"{name}: {value}" for name, value in reply.exchange.request_headers] == lines
    assert reply.exchange.request_body == body
    assert (reply.exchange.target, reply.exchange.labels) == ("/v1/orders/7?page=2", {"run": "r1"})
    assert reply.url.endswith("/relay/v1/orders/7?page=2")


SECRET = 'pa"ss/wörd +1'
SPELLINGS = [
    SECRET,
    json.dumps(SECRET)[1:-1],
    json.dumps(SECRET, ensure_ascii=False)[1:-1],
    quote(SECRET, safe=""),
    quote_plus(SECRET),
    SECRET.encode().decode("latin-1"),
]


@pytest.mark.parametrize("kind", [b"application/json", b"text/event-stream"])
def test_no_secret_is_kept_of_an_exchange(kind: bytes) -> None:
    echoed = json.dumps({"you_said": SECRET, "key": "sk-ant-api03-abcdefgh"}).encode()
    if kind != b"application/json":
        echoed = b"event: " + SECRET.encode() + b"\ndata: " + echoed + b"\n\n"
    head = b"200 OK\r\ncontent-type: %b\r\nset-cookie: sid=zzz9\r\nx-echo: %b" % (
        kind,
        SECRET.encode(),
    )
    request = HttpRequest(
        "POST",
        f"/in/{quote(SECRET, safe='')}?q={quote_plus(SECRET)}&api_key=open1",
        [
            (b"Authorization", b"Basic " + base64.b64encode(f"me:{SECRET}".encode())),
            (b"x-mine", SECRET.encode()),
            (b"cookie", b"sid=yyy8"),
        ],
        json.dumps({"password": SECRET, "max_tokens": 5}, ensure_ascii=False).encode(),
    )
    reply = fetch(answering(with_length(head, echoed)), request, secrets=(SECRET,))
    exchange = reply.exchange
    assert exchange.settlement is not None
    kept = repr(reply) + exchange.request_body.decode() + reply.body_text + repr(astuple(exchange))
    for spelled in [*SPELLINGS, "zzz9", "yyy8", "open1", "abcdefgh", "bWU6"]:
        assert spelled not in kept
    assert json.loads(exchange.request_body) == {"password": "[redacted]", "max_tokens": 5}
    assert reply.holds_secret


def test_an_answer_without_secrets_says_so() -> None:
    reply = fetch(answering(with_length(b"200 OK", b'{"max_tokens": 5}')), secrets=("k", SECRET))
    assert (reply.holds_secret, reply.body) == (False, b'{"max_tokens": 5}')


def test_the_apis_own_error_is_read_and_another_services_left_alone() -> None:
    envelope = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    body = json.dumps(envelope).encode()
    whole = fetch(answering(with_length(b"529 Overloaded", body)))
    streamed = fetch(answering(SSE + b"\r\n", b"event: error\ndata: %b\n\n" % body))
    for reply in (whole, streamed):
        settled = reply.exchange.settlement
        assert settled is not None
        assert settled.error is not None
        assert (settled.error.type, settled.error.message) == ("overloaded_error", "Overloaded")
        assert reply.stream_problem is None
    other = fetch(answering(with_length(b"404 Not Found", b'{"error": "no such order"}')), GET)
    assert other.exchange.settlement is not None
    assert other.exchange.settlement.error is None


def test_counting_tokens_bills_nothing_and_a_batch_when_its_results_are_read() -> None:
    counted = fetch(
        answering(with_length(b"200 OK", b'{"input_tokens": 14}')),
        HttpRequest("POST", "/v1/messages/count_tokens", [], b"{}"),
    )
    assert (counted.usage, counted.cost_usd) == (None, None)
    made = fetch(
        answering(with_length(b"200 OK", b'{"id": "msgbatch_1", "type": "message_batch"}')),
        HttpRequest("POST", "/v1/messages/batches", [], b"{}"),
    )
    assert (made.usage, made.cost_usd) == (None, None)
    usage = {"input_tokens": 1000, "output_tokens": 10, "service_tier": "batch"}
    results: list[dict[str, Any]] = [
        {"type": "succeeded", "message": MESSAGE | {"usage": usage}},
        {"type": "errored", "error": {"type": "error", "error": {"type": "x", "message": "y"}}},
        {"type": "succeeded", "message": MESSAGE | {"usage": usage}},
    ]
    lines = b"".join(
        json.dumps({"custom_id": str(number), "result": result}).encode() + b"\n"
        for number, result in enumerate(results)
    )
    fetched = fetch(
        answering(with_length(b"200 OK\r\ncontent-type: application/x-jsonl", lines)),
        HttpRequest("GET", "/v1/messages/batches/msgbatch_1/results", [], b""),
    )
    assert fetched.usage == {"input_tokens": 2000, "output_tokens": 20, "service_tier": "batch"}
    # Half of $1 and $5 for a million tokens.
    assert fetched.cost_usd == (2000 * Decimal(1) + 20 * Decimal(5)) / 2 / 10**6


def test_what_no_price_is_known_for_is_unpriced_and_not_free() -> None:
    body = json.dumps(MESSAGE | {"model": "claude-nobody-9"}).encode()
    reply = fetch(answering(with_length(b"200 OK", body)))
    assert reply.exchange.settlement is not None
    assert (reply.cost_usd, reply.usage) == (None, MESSAGE["usage"])
    assert "claude-nobody-9" in (reply.exchange.settlement.unpriced or "")


def test_senders_share_a_client_and_no_two_exchanges_an_id() -> None:
    async def script(link: Link) -> None:
        while True:
            await link.read_request()
            await link.send(with_length(b"200 OK", b"{}"))

    async def scenario() -> tuple[list[Reply], int]:
        clock = VirtualClock()
        async with open_upstream(script) as it, HttpClient(clock=clock) as client:
            senders = [Sender(client, clock, it.url + prefix) for prefix in ("", "/v2")]
            first = [await sender.send(GET) for sender in senders for _ in range(2)]
            both = await asyncio.gather(*(sender.send(GET) for sender in senders))
            return [*first, *both], len(it.links)

    replies, connections = asyncio.run(scenario())
    assert len({reply.exchange.exchange_id for reply in replies}) == len(replies) == 6
    assert connections == 2
