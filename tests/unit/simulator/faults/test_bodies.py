"""What faults make of a body, whatever chunks it comes in, and what the upstream sees of it."""

import asyncio
import gzip
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tanzaku.simulator.faults import KINDS, Fault
from tanzaku.transport import ConnectionFault, get_header

ALTERING = ["missing-stop", "dropped-events", "duplicated-events", "reordered-events"]
ALTERING += ["malformed-sse", "truncated-sse", "error-event", "gzip", "truncated-gzip", "stall"]


def cut(body: bytes, places: list[int]) -> list[bytes]:
    ends = [*sorted(places), len(body)]
    return [body[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(ALTERING),
    places=st.lists(st.integers(0, 150), max_size=8),
    line_end=st.sampled_from([b"\n", b"\r\n"]),
)
def test_chunks_make_no_difference(
    bench: Any, name: str, places: list[int], line_end: bytes
) -> None:
    body = b"".join(bench.EVENTS).replace(b"\n", line_end)
    bench.plan(Fault(name))
    whole = bench.ask(upstream=bench.Upstream(body))
    upstream = bench.Upstream(cut(body, places))
    answer = bench.ask(upstream=upstream)
    if name == "gzip":
        assert gzip.decompress(answer.body) == gzip.decompress(whole.body) == body
    else:
        assert answer.body == whole.body
    assert [chunks.closings for chunks in upstream.bodies] == [1]


@pytest.mark.parametrize(
    ("name", "settings_", "order"),
    [
        ("missing-stop", {"after": 2}, "01"),
        ("missing-stop", {"after": 99}, "012345"),
        ("dropped-events", {"after": 1, "count": 3}, "045"),
        ("dropped-events", {"after": 4, "count": 9}, "0123"),
        ("duplicated-events", {"after": 0, "count": 2}, "00112345"),
        ("duplicated-events", {"after": 5, "count": 9}, "0123455"),
        ("reordered-events", {"after": 0}, "102345"),
        ("reordered-events", {"after": 5}, "012345"),
        ("stall", {"after": 3}, "012345"),
        ("wrong-content-type", {}, "012345"),
    ],
)
def test_events_in_their_new_order(
    bench: Any, name: str, settings_: dict[str, Any], order: str
) -> None:
    bench.plan(Fault(name, settings_))
    assert bench.ask().body == b"".join(bench.EVENTS[int(n)] for n in order)


def test_a_stall_waits_as_long_as_it_says_and_where_it_says(bench: Any) -> None:
    bench.plan(Fault("stall", {"after": 2, "seconds": 12.5}))

    async def read() -> list[tuple[float, bytes]]:
        began = bench.clock.monotonic()
        answer = await bench.faults.intercept(bench.request())(bench.Upstream())
        return [(bench.clock.monotonic() - began, chunk) async for chunk in answer.body]

    times = asyncio.run(read())
    assert [at for at, _ in times] == [0, 0, 12.5, 12.5, 12.5, 12.5]


def test_slow_headers_wait_after_the_upstream_was_asked(bench: Any) -> None:
    bench.plan(Fault("slow-headers", {"seconds": 7}))
    upstream = bench.Upstream()
    assert bench.ask(upstream=upstream).body == upstream.body
    assert (upstream.asked, bench.clock.slept) == (1, [7])


def test_a_client_that_leaves_during_slow_headers_closes_the_answer(bench: Any) -> None:
    upstream = bench.Upstream([b"x"])
    bench.plan(Fault("slow-headers"))

    async def scenario() -> None:
        async def never(seconds: float) -> None:
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.Event().wait()

        bench.clock.sleep = never
        with pytest.raises(asyncio.CancelledError):
            await bench.faults.intercept(bench.request())(upstream)

    asyncio.run(scenario())
    assert [body.closings for body in upstream.bodies] == [1]


@pytest.mark.parametrize(
    ("name", "kind"), [("reset-midway", "reset"), ("cut", "close"), ("half-closed", "half_close")]
)
def test_a_break_takes_no_more_of_the_upstream(bench: Any, name: str, kind: str) -> None:
    bench.plan(Fault(name, {"after": 2}))
    upstream = bench.Upstream(list(bench.EVENTS))

    async def read() -> list[bytes]:
        answer = await bench.faults.intercept(bench.request())(upstream)
        got: list[bytes] = []
        with pytest.raises(ConnectionFault) as caught:
            got.extend([chunk async for chunk in answer.body])
        assert caught.value.kind == kind
        assert [(body.taken, body.closings) for body in upstream.bodies] == [(2, 1)]
        async for chunk in answer.body:
            raise AssertionError(chunk)
        return got

    asyncio.run(read())
    assert [(body.taken, body.closings) for body in upstream.bodies] == [(2, 1)]


def test_an_altered_body_that_nobody_reads_is_closed(bench: Any) -> None:
    bench.plan(Fault("stall"))
    upstream = bench.Upstream(list(bench.EVENTS))

    async def leave() -> None:
        answer = await bench.faults.intercept(bench.request())(upstream)
        await answer.body.aclose()

    asyncio.run(leave())
    assert [(body.taken, body.closings) for body in upstream.bodies] == [(0, 1)]


def test_a_fault_that_needs_no_pause_keeps_a_whole_body_whole(bench: Any) -> None:
    bench.plan(Fault("dropped-events"))
    answer = asyncio.run(bench.faults.intercept(bench.request())(bench.Upstream()))
    assert isinstance(answer.body, bytes)


def test_a_compressed_stream_can_be_read_event_by_event(bench: Any) -> None:
    bench.plan(Fault("gzip"))
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)

    async def read() -> list[bytes]:
        answer = await bench.faults.intercept(bench.request())(bench.Upstream(list(bench.EVENTS)))
        return [inflater.decompress(chunk) async for chunk in answer.body]

    assert asyncio.run(read())[: len(bench.EVENTS)] == bench.EVENTS


def test_a_whole_answer_that_comes_in_pieces_is_halved_as_one(bench: Any) -> None:
    bench.plan(Fault("truncated-json"))
    upstream = bench.Upstream([b'{"a":', b"1}"], content_type=b"application/json")
    assert bench.ask(upstream=upstream).body == b'{"a"'
    assert [body.closings for body in upstream.bodies] == [1]


def test_an_announced_length_does_not_outlive_the_body_it_was_for(bench: Any) -> None:
    bench.plan(Fault("truncated-json"))

    async def upstream() -> Any:
        answer = await bench.Upstream(b'{"a":1}', content_type=b"application/json")()
        answer.headers.append((b"content-length", b"7"))
        return answer

    answer = asyncio.run(bench.faults.intercept(bench.request())(upstream))
    assert get_header(answer.headers, b"content-length") is None
    assert answer.body == b'{"a"'


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.group != "status"])
@pytest.mark.parametrize("body", [b"", b"{}"], ids=["empty", "short"])
def test_no_fault_chokes_on_a_tiny_answer(bench: Any, name: str, body: bytes) -> None:
    bench.plan(Fault(name))
    for content_type in (b"text/event-stream", b"application/json"):
        try:
            answer = bench.ask(upstream=bench.Upstream(body, content_type=content_type))
        except ConnectionFault:
            continue
        assert answer.status == 200


def test_every_altering_kind_is_among_those_tried() -> None:
    altering = {name for name, kind in KINDS.items() if kind.scope == "stream"}
    assert altering <= set(ALTERING)
