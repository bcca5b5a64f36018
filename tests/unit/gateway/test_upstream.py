"""The live upstream against a server of our own that stands where the Claude API would."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from tanzaku.gateway import RetryPolicy
from tanzaku.gateway.upstreams import Upstream, UpstreamSettings
from tanzaku.transport import (
    HttpClient,
    HttpRequest,
    HttpResponse,
    get_header,
    read_all,
    serve,
)

CLIENTS_OWN = b"sk-ant-the-clients-own"
EVENTS = [
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-haiku-4-5",'
    b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":4}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
]


def build_upstream(client: HttpClient, clock: Any, url: str) -> Upstream:
    settings = UpstreamSettings("api", "anthropic", url, ("sk-ant-of-the-house",), is_live=True)
    return Upstream(settings, partial(client.send, base_url=url), clock)


def send_over_socket(bench: Any, request: HttpRequest, handler: Any) -> HttpResponse:
    async def go() -> HttpResponse:
        client = HttpClient(clock=bench.clock)
        async with serve(handler, max_body_bytes=1 << 20) as running:
            upstream = build_upstream(client, bench.clock, running.url)
            answer = await bench.build(upstream, retry=RetryPolicy(backoff_s=(1,)))(request)
            whole = HttpResponse(answer.status, answer.headers, await read_all(answer))
            await client.close()
        return whole

    return asyncio.run(go())


def test_only_the_houses_key_and_no_label_reaches_the_api(bench: Any, kit: Any) -> None:
    seen: list[HttpRequest] = []

    async def api(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        headers = [(b"content-type", b"application/json"), (b"request-id", b"req_api")]
        return HttpResponse(200, headers, b'{"type":"message"}')

    request = kit.request(
        headers=[
            (b"host", b"localhost:4141"),
            (b"authorization", b"Bearer " + CLIENTS_OWN),
            (b"x-api-key", CLIENTS_OWN),
            (b"cookie", CLIENTS_OWN),
            (b"tanzaku-run", b"r1"),
            (b"x-forwarded-for", b"10.0.0.1"),
            (b"accept-encoding", b"gzip, deflate"),
            (b"anthropic-version", b"2023-06-01"),
            (b"anthropic-beta", b"a-1,b-2"),
            (b"user-agent", b"Anthropic/Python 2.12.0"),
            (b"x-stainless-lang", b"python"),
        ]
    )
    answer = send_over_socket(bench, request, api)
    assert (answer.status, answer.body) == (200, b'{"type":"message"}')
    assert get_header(answer.headers, b"request-id") == b"req_api"
    (received,) = seen
    assert received.body == request.body
    headers = dict(received.headers)
    assert headers[b"x-api-key"] == b"sk-ant-of-the-house"
    assert headers[b"accept-encoding"] == b"identity"
    assert headers[b"anthropic-version"] == b"2023-06-01"
    assert headers[b"anthropic-beta"] == b"a-1,b-2"
    assert headers[b"user-agent"] == b"Anthropic/Python 2.12.0"
    assert headers[b"x-stainless-lang"] == b"python"
    left_out = {b"authorization", b"cookie", b"tanzaku-run", b"x-forwarded-for"}
    assert not left_out & set(headers)
    assert CLIENTS_OWN not in repr(received.headers).encode()
    assert "sk-ant-of-the-house" not in repr(bench.exchange)


def test_a_stream_comes_through_the_socket_whole(bench: Any, kit: Any) -> None:
    async def body() -> AsyncIterator[bytes]:
        for event in EVENTS:
            yield event

    async def api(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], body())

    answer = send_over_socket(bench, kit.request(), api)
    assert answer.body == b"".join(EVENTS)
    assert bench.exchange.settlement.usage == {"input_tokens": 3, "output_tokens": 4}


def test_a_stream_cut_on_the_wire_ends_in_an_error_event(bench: Any, kit: Any) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield EVENTS[0]
        raise ConnectionResetError

    async def api(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], body())

    answer = send_over_socket(bench, kit.request(), api)
    assert isinstance(answer.body, bytes)
    assert answer.body.startswith(EVENTS[0] + b"event: error\n")
    assert bench.exchange.settlement.error.type == "api_error"


def test_a_broken_stream_of_announced_length_ends_in_an_error_event_too(
    bench: Any, kit: Any
) -> None:
    async def api(_request: HttpRequest) -> HttpResponse:
        length = b"%d" % len(EVENTS[0])
        headers = [(b"content-type", b"text/event-stream"), (b"content-length", length)]
        return HttpResponse(200, headers, EVENTS[0])

    async def go() -> bytes:
        async with (
            HttpClient(clock=bench.clock) as to_api,
            HttpClient(clock=bench.clock) as to_gateway,
            serve(api, max_body_bytes=1 << 20) as running,
        ):
            upstream = build_upstream(to_api, bench.clock, running.url)
            gateway = bench.build(upstream, retry=RetryPolicy())
            async with serve(gateway, max_body_bytes=1 << 20) as front:
                answer = await to_gateway.send(kit.request(), base_url=front.url)
                return await read_all(answer)

    assert asyncio.run(go()).startswith(EVENTS[0] + b"event: error\n")


def test_overload_over_the_socket_is_retried(bench: Any, kit: Any) -> None:
    statuses = [529, 500, 200]

    async def api(_request: HttpRequest) -> HttpResponse:
        headers = [(b"content-type", b"application/json")]
        return HttpResponse(statuses.pop(0), headers, b'{"type":"message"}')

    assert send_over_socket(bench, kit.request(), api).status == 200
    attempts = bench.exchange.settlement.attempts
    assert [attempt.status for attempt in attempts] == [529, 500, 200]


def test_nobody_listening_is_a_502(bench: Any, kit: Any) -> None:
    async def go() -> HttpResponse:
        client = HttpClient(clock=bench.clock)
        upstream = build_upstream(client, bench.clock, "http://127.0.0.1:1")
        answer = await bench.build(upstream, retry=RetryPolicy(backoff_s=(1,)))(kit.request())
        await client.close()
        assert isinstance(answer, HttpResponse)
        return answer

    answer = asyncio.run(go())
    assert answer.status == 502
    assert len(bench.exchange.settlement.attempts) == 3
