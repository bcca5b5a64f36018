"""Streams that break, upstreams that stop, clients that leave."""

import asyncio
import socket
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.beats import comes_within
from tanzaku.gateway import RetryPolicy
from tanzaku.transport import (
    BrokenResponse,
    HttpClient,
    HttpRequest,
    HttpResponse,
    ServerLimits,
    close_body,
    read_all,
    serve,
)
from tanzaku.wire import EventDecoder

START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":'
    b'"claude-haiku-4-5-20251001","usage":{"input_tokens":1000,"output_tokens":1}}}\n\n'
)
DELTA = (
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    '"delta":{"type":"text_delta","text":"短冊"}}\n\n'
).encode()
END = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":20}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)
UPSTREAM_ERROR = (
    b'event: error\ndata: {"type":"error","error":{"details":null,"type":"overloaded_error",'
    b'"message":"Overloaded"},"request_id":"req_u"}\n\n'
)
LIVE = RetryPolicy()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(length=st.integers(0, len(START + DELTA + END) - 4), is_cut=st.booleans())
def test_a_broken_live_stream_ends_with_one_well_formed_error_event(
    bench: Any, kit: Any, length: int, is_cut: bool
) -> None:
    """Wherever the upstream breaks, inside a frame or a character, by an error or just its end."""
    broken = BrokenResponse("closed") if is_cut else None
    sent = (START + DELTA + END)[:length]
    upstream = kit.Upstream([kit.stream(sent[: length // 2], sent[length // 2 :], broken=broken)])
    answer = bench.send(upstream, kit.request(), retry=LIVE)
    decoder = EventDecoder()
    events = list(decoder.feed(answer.body))
    assert not decoder.has_partial
    assert [event["type"] for event in events].count("error") == 1
    last = events[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    assert last["request_id"] == "req_u"
    whole_frames = sent[: sent.rfind(b"\n\n") + 2] if b"\n\n" in sent else b""
    assert answer.body.startswith(whole_frames)
    assert len(events) - 1 == whole_frames.count(b"\n\n")
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (200, "api_error")
    assert settled.response_body == answer.body


def test_what_a_broken_stream_has_used_is_kept_and_has_no_price(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([kit.stream(START, DELTA, broken=BrokenResponse("closed"))])
    bench.send(upstream, kit.request(), retry=LIVE)
    settled = bench.exchange.settlement
    assert settled.usage == {"input_tokens": 1000, "output_tokens": 1}
    # One token is what a stream begins with, not what was written.
    assert settled.cost is None
    assert settled.unpriced == "The answer broke off before it named its usage."


def test_an_error_event_of_the_upstream_passes_and_is_not_repeated(bench: Any, kit: Any) -> None:
    for retry in (None, LIVE):
        upstream = kit.Upstream([kit.stream(START, UPSTREAM_ERROR)])
        answer = bench.send(upstream, kit.request(), retry=retry)
        assert answer.body == START + UPSTREAM_ERROR
        error = bench.exchange.settlement.error
        assert (error.type, error.message) == ("overloaded_error", "Overloaded")


def test_a_stream_is_never_asked_for_again(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([kit.stream(START, broken=BrokenResponse("closed"))])
    bench.send(upstream, kit.request(), retry=LIVE)
    assert (len(upstream.requests), bench.clock.slept) == (1, [])


@pytest.mark.parametrize("retry", [None, LIVE], ids=["as-is", "repairing"])
def test_a_stream_that_comes_compressed_unasked_is_passed_as_it_is(
    bench: Any, kit: Any, retry: RetryPolicy | None
) -> None:
    packed = zlib.compress(START + DELTA + END)
    answer = kit.stream(packed[:50], packed[50:])
    answer.headers.append((b"content-encoding", b"deflate"))
    assert bench.send(kit.Upstream([answer]), kit.request(), retry=retry).body == packed
    settled = bench.exchange.settlement
    assert (settled.error, settled.cost) == (None, None)
    assert settled.unpriced is not None


def test_without_a_policy_a_stream_that_just_ends_is_passed_as_it_is(bench: Any, kit: Any) -> None:
    cut = START + DELTA[:-9]
    answer = bench.send(kit.Upstream([kit.stream(cut)]), kit.request())
    assert answer.body == cut
    assert bench.exchange.settlement.error.type == "api_error"


def test_without_a_policy_a_cut_connection_is_passed_as_one(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([kit.stream(START, broken=BrokenResponse("closed"))])
    with pytest.raises(BrokenResponse):
        bench.send(upstream, kit.request())
    settled = bench.exchange.settlement
    assert settled.error.type == "api_error"
    assert settled.usage == {"input_tokens": 1000, "output_tokens": 1}


def test_a_break_after_the_end_of_the_message_harms_nobody(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([kit.stream(START, END, broken=BrokenResponse("closed"))])
    answer = bench.send(upstream, kit.request(), retry=LIVE)
    assert answer.body == START + END
    assert bench.exchange.settlement.error is None


def test_the_exchange_is_on_record_before_the_last_chunk_leaves(bench: Any, kit: Any) -> None:
    async def scenario() -> list[tuple[bytes, bool]]:
        answer = await bench.build(kit.Upstream([kit.stream(START, DELTA, END)]))(kit.request())
        assert not isinstance(answer.body, bytes)
        ledger = bench.ledger
        return [
            (chunk, any(exchange.settlement for exchange in ledger.list_exchanges()))
            async for chunk in answer.body
        ]

    seen = asyncio.run(scenario())
    assert [chunk for chunk, _ in seen] == [START, DELTA, END]
    assert seen[-1][1]
    assert not seen[0][1]


def test_the_first_byte_and_the_last_are_timed(bench: Any, kit: Any) -> None:
    async def body() -> AsyncIterator[bytes]:
        bench.clock.advance(0.25)
        yield START
        bench.clock.advance(0.5)
        yield END

    async def upstream(_request: HttpRequest) -> HttpResponse:
        bench.clock.advance(0.125)
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], body())

    bench.send(upstream, kit.request())
    settled = bench.exchange.settlement
    assert (settled.timings.ttft_ms, settled.timings.total_ms) == (375, 875)
    assert [attempt.duration_ms for attempt in settled.attempts] == [125]


class Hanging:
    """Sends one chunk and then nothing; knows when it was closed."""

    def __init__(self, chunk: bytes = START) -> None:
        self.is_closed = asyncio.Event()
        self._chunk = chunk

    async def __call__(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            yield self._chunk
            await asyncio.Event().wait()
        finally:
            self.is_closed.set()


@pytest.mark.parametrize("retry", [None, LIVE], ids=["as-is", "repairing"])
def test_a_client_that_leaves_closes_the_upstream_and_is_settled(
    bench: Any, kit: Any, retry: RetryPolicy | None
) -> None:
    async def scenario() -> None:
        upstream = Hanging()
        gateway = bench.build(upstream, retry=retry)
        async with serve(gateway, max_body_bytes=1 << 20) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            body = kit.request().body
            writer.write(
                b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            await reader.readuntil(b"}}}\n\n")
            assert not upstream.is_closed.is_set()
            writer.close()
            assert await comes_within(upstream.is_closed, 1)

    asyncio.run(scenario())
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (200, "client_gone")
    assert settled.usage == {"input_tokens": 1000, "output_tokens": 1}
    assert settled.response_body == START


class Endless:
    """Sends events as fast as they are taken; counts what was taken and knows when it was closed."""

    def __init__(self) -> None:
        self.is_closed = asyncio.Event()
        self.taken_bytes = 0

    async def __call__(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        try:
            yield START
            chunk = DELTA * (65_536 // len(DELTA))
            while True:
                self.taken_bytes += len(chunk)
                yield chunk
        finally:
            self.is_closed.set()


@pytest.mark.requirement("L3")
def test_a_client_that_stops_reading_is_cut_off_marked_and_settled(bench: Any, kit: Any) -> None:
    upstream = Endless()

    async def scenario() -> None:
        limits = ServerLimits(write_s=0.3)
        gateway = bench.build(upstream, retry=LIVE)
        async with serve(gateway, max_body_bytes=1 << 20, limits=limits) as running:
            with socket.create_connection(("127.0.0.1", running.port)) as client:
                body = kit.request().body
                client.sendall(
                    b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                await asyncio.wait_for(upstream.is_closed.wait(), 10)

    asyncio.run(scenario())
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (200, "client_slow")
    assert settled.usage == {"input_tokens": 1000, "output_tokens": 1}
    # Two buffers of the kernel hold some MiB; the server itself less than one.
    assert upstream.taken_bytes < 24 << 20


@pytest.mark.requirement("L2")
@pytest.mark.parametrize("partial", [b"", DELTA[:-1]], ids=["between-frames", "inside-a-frame"])
def test_a_live_stream_cut_by_the_end_of_the_drain_ends_with_an_error_event(
    bench: Any, kit: Any, partial: bytes
) -> None:
    async def scenario() -> bytes:
        upstream = Hanging(START + DELTA + partial)
        gateway = bench.build(upstream, retry=LIVE)
        async with HttpClient(clock=bench.clock) as client:
            async with serve(gateway, max_body_bytes=1 << 20, drain_s=0) as running:
                answer = await client.send(kit.request(), base_url=running.url)
                assert not isinstance(answer.body, bytes)
                first = await anext(answer.body)
            assert upstream.is_closed.is_set()
            return first + await read_all(answer)

    decoder = EventDecoder()
    body = asyncio.run(scenario())
    events = list(decoder.feed(body))
    assert not decoder.has_partial
    assert body.startswith(START + DELTA + b"event: error\n")
    assert [event["type"] for event in events].count("error") == 1
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (200, "api_error")
    assert settled.usage == {"input_tokens": 1000, "output_tokens": 1}
    assert settled.response_body == body


def test_a_client_that_never_takes_a_byte_is_settled_too(bench: Any, kit: Any) -> None:
    async def scenario() -> None:
        answer = await bench.build(kit.Upstream([kit.stream(START, END)]))(kit.request())
        await close_body(answer.body)

    asyncio.run(scenario())
    settled = bench.exchange.settlement
    assert (settled.error.type, settled.timings.ttft_ms) == ("client_gone", None)
    assert settled.unpriced is not None


def test_an_upstream_with_more_to_say_is_closed_when_the_client_has_enough(
    bench: Any, kit: Any
) -> None:
    async def scenario() -> None:
        upstream = Hanging()
        answer = await bench.build(upstream)(kit.request())
        assert not isinstance(answer.body, bytes)
        assert await anext(answer.body) == START
        await close_body(answer.body)
        assert upstream.is_closed.is_set()

    asyncio.run(scenario())
    assert bench.exchange.settlement.error.type == "client_gone"


def test_a_client_that_leaves_before_the_answer_is_settled_as_499(bench: Any, kit: Any) -> None:
    async def upstream(_request: HttpRequest) -> HttpResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def scenario() -> None:
        task = asyncio.ensure_future(bench.build(upstream)(kit.request()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(scenario())
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (499, "client_gone")


def test_an_upstream_that_fails_unexpectedly_is_settled_as_500(bench: Any, kit: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        bench.send(kit.Upstream([ZeroDivisionError()]), kit.request())
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (500, "api_error")


def test_a_live_stream_with_crlf_that_breaks_between_two_lines_ends_well_formed(
    bench: Any, kit: Any
) -> None:
    """The end of one line is no end of a frame: the data of two events must not run together."""
    sent = (START + DELTA).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    upstream = kit.Upstream([kit.stream(sent, broken=BrokenResponse("closed"))])
    answer = bench.send(upstream, kit.request(), retry=LIVE)
    events = list(EventDecoder().feed(answer.body))
    assert [event["type"] for event in events] == ["message_start", "error"]
