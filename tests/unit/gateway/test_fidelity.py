"""What goes through the gateway comes out as it went in: the fidelity probe other gateways fail."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tanzaku.gateway import RetryPolicy

STREAM = (
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message",'
    '"role":"assistant","model":"claude-haiku-4-5-20251001","content":[],"stop_reason":null,'
    '"usage":{"input_tokens":11,"output_tokens":1,"brand_new_counter":null}}}\n\n'
    ": a comment\n\n"
    'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
    '{"type":"text","text":""}}\n\n'
    'event: ping\ndata: {"type": "ping"}\n\n'
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
    '{"type":"text_delta","text":"短冊 🎋 café"}}\n\n'
    'event: some_future_event\ndata: {"type":"some_future_event","x":[1,2.50,3e2]}\n\n'
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn",'
    '"stop_sequence":null},"usage":{"output_tokens":9}}\n\n'
    'event: message_stop\ndata: {"type":"message_stop"}\n\n'
).encode()


def cut(data: bytes, sizes: Iterator[int]) -> list[bytes]:
    chunks = []
    while data:
        size = next(sizes)
        chunks.append(data[:size])
        data = data[size:]
    return chunks


def cycle(sizes: list[int]) -> Iterator[int]:
    while True:
        yield from sizes


@pytest.mark.parametrize("retry", [None, RetryPolicy()], ids=["as-is", "repairing"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_a_stream_keeps_every_byte_under_any_chunking(
    bench: Any, kit: Any, retry: RetryPolicy | None, line_end: bytes, sizes: list[int]
) -> None:
    stream = STREAM.replace(b"\n", line_end)
    upstream = kit.Upstream([kit.stream(*cut(stream, cycle(sizes)))])
    answer = bench.send(upstream, kit.request(), retry=retry)
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(stream).digest()
    settled = bench.exchange.settlement
    # A line feed that comes alone after the end is not waited for before the record is closed.
    assert settled.response_body.rstrip() == stream.rstrip()
    assert settled.usage == {"input_tokens": 11, "output_tokens": 9, "brand_new_counter": None}
    assert (settled.stop_reason, settled.error) == ("end_turn", None)


@pytest.mark.parametrize("retry", [None, RetryPolicy()], ids=["as-is", "repairing"])
def test_a_stream_of_single_bytes_keeps_every_byte(
    bench: Any, kit: Any, retry: RetryPolicy | None
) -> None:
    upstream = kit.Upstream([kit.stream(*(STREAM[i : i + 1] for i in range(len(STREAM))))])
    assert bench.send(upstream, kit.request(), retry=retry).body == STREAM


def test_a_stream_that_arrives_in_one_piece_is_read_like_any_other(bench: Any, kit: Any) -> None:
    whole = kit.answer(STREAM)
    whole.headers[0] = (b"content-type", b"text/event-stream")
    for retry in (None, RetryPolicy()):
        assert bench.send(kit.Upstream([whole]), kit.request(), retry=retry).body == STREAM
        assert bench.exchange.settlement.usage["output_tokens"] == 9


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"claude-haiku-4-5","max_tokens":10,"messages":[],"unheard_of":{"a":1.0}}',
        b' {"model" : "claude-haiku-4-5",\n"max_tokens": 1e1, "stream": false}',
        '{"model":"claude-haiku-4-5","messages":[{"role":"user","content":"\\u77ed冊"}]}'.encode(),
        b'{"max_tokens":1,"max_tokens":2,"model":"claude-haiku-4-5"}',
        b"{not json",
        b'["no object"]',
        b"",
        b"\xff\xfe",
    ],
)
def test_the_clients_bytes_reach_the_upstream_unchanged(bench: Any, kit: Any, body: bytes) -> None:
    upstream = kit.Upstream([kit.answer({"type": "error"}, 400)])
    assert bench.send(upstream, kit.request(body)).status == 400
    assert upstream.requests[0].body == body
    assert bench.exchange.request_body == body


@pytest.mark.requirement("L1")
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 70 + b"1" + b"}" * 70])
def test_a_family_that_is_not_known_gets_a_deep_body_as_it_is(
    bench: Any, kit: Any, body: bytes
) -> None:
    upstream = kit.Upstream([kit.answer({"type": "error"}, 400)])
    bench.send(upstream, kit.request(body, target="/v1/family_of_next_year"))
    assert upstream.requests[0].body == body


@pytest.mark.requirement("L1")
@pytest.mark.parametrize("space", [0, 2 << 20], ids=["small", "beside-the-loop"])
def test_a_message_that_is_too_deep_asks_no_upstream_and_is_kept(
    bench: Any, kit: Any, space: int
) -> None:
    upstream = kit.Upstream([kit.answer({"type": "message"})])
    body = b'{"model":"claude-haiku-4-5","x":' + b"[" * 64 + b" " * space + b"]" * 64 + b"}"
    answer = bench.send(upstream, kit.request(body))
    assert (answer.status, upstream.requests) == (400, [])
    assert b"nested deeper than 64 levels" in answer.body
    assert (bench.exchange.settlement.status, bench.exchange.request_body) == (400, body)


@pytest.mark.parametrize(
    ("coding", "encode"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)]
)
def test_a_compressed_body_goes_on_compressed_and_is_read_decoded(
    bench: Any, kit: Any, coding: bytes, encode: Any
) -> None:
    plain = kit.request().body
    headers = [(b"content-type", b"application/json"), (b"content-encoding", coding)]
    upstream = kit.Upstream([kit.answer({"type": "message"})])
    bench.send(upstream, kit.request(encode(plain), headers))
    (seen,) = upstream.requests
    assert seen.body == encode(plain)
    assert (b"content-encoding", coding) in seen.headers
    assert bench.exchange.request_body == plain
    assert bench.exchange.model == "claude-haiku-4-5"


@pytest.mark.parametrize("bomb", [gzip.compress(b"0" * (40 << 20)), b"no gzip at all"])
def test_a_body_that_cannot_be_decoded_still_reaches_the_upstream(
    bench: Any, kit: Any, bomb: bytes
) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    upstream = kit.Upstream([kit.answer({"type": "error"}, 400)])
    bench.send(upstream, kit.request(bomb, headers))
    assert upstream.requests[0].body == bomb
    assert bench.exchange.request_body == b""


OVERLOADED = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded", "details": None},
    "request_id": "req_1",
}


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (529, [(b"request-id", b"req_1"), (b"x-should-retry", b"true")]),
        (429, [(b"retry-after", b"7"), (b"anthropic-ratelimit-requests-remaining", b"0")]),
        (400, [(b"x-should-retry", b"false")]),
        (500, []),
        (413, []),
    ],
)
def test_an_error_passes_with_status_body_and_headers(
    bench: Any, kit: Any, status: int, headers: Any
) -> None:
    upstream = kit.Upstream([kit.answer(OVERLOADED, status, headers)])
    answer = bench.send(upstream, kit.request())
    assert (answer.status, json.loads(answer.body)) == (status, OVERLOADED)
    assert answer.headers[1:-1] == headers
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (status, "overloaded_error")
    assert (settled.cost, settled.unpriced) == (None, None)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/v1/messages/count_tokens"),
        ("GET", "/v1/messages/batches?limit=2&after_id=x%20y"),
        ("POST", "/v1/messages/batches"),
        ("DELETE", "/v1/files/file_1"),
        ("GET", "/v1/models?lifecycle%5B%5D=active"),
        ("GET", "/v1/models/claude-haiku-4-5"),
        ("POST", "/v1/messages?beta=true"),
        ("POST", "/v1/unheard/of"),
    ],
)
def test_every_path_passes_with_its_query_and_is_recorded(
    bench: Any, kit: Any, method: str, target: str
) -> None:
    body = {"input_tokens": 8}
    upstream = kit.Upstream([kit.answer(body)])
    answer = bench.send(upstream, kit.request(method=method, target=target))
    assert json.loads(answer.body) == body
    assert (upstream.requests[0].method, upstream.requests[0].target) == (method, target)
    exchange = bench.exchange
    assert (exchange.method, exchange.path) == (method, target.partition("?")[0])
    assert exchange.settlement.usage is None
    assert exchange.settlement.cost is None


def test_a_download_passes_whole_and_is_kept_in_part(bench: Any, kit: Any) -> None:
    download = kit.stream(*[bytes([n]) * 300_000 for n in range(10)])
    download.headers[0] = (b"content-type", b"application/octet-stream")
    request = kit.request(b"", method="GET", target="/v1/files/file_1/content")
    answer = bench.send(kit.Upstream([download]), request)
    assert len(answer.body) == 3_000_000
    settled = bench.exchange.settlement
    assert settled.response_body == answer.body[: 1024 * 1024]
    assert (settled.status, settled.error) == (200, None)


def test_the_answer_names_its_exchange(bench: Any, kit: Any) -> None:
    answer = bench.send(kit.Upstream([kit.answer({})]), kit.request())
    assert answer.headers[-1] == (b"tanzaku-exchange-id", bench.exchange.exchange_id.encode())


def test_of_two_gateways_in_a_row_the_nearer_one_names_the_exchange(bench: Any, kit: Any) -> None:
    farther = kit.answer({})
    farther.headers.append((b"tanzaku-exchange-id", b"exch_farther"))
    answer = bench.send(kit.Upstream([farther]), kit.request())
    named = [value for name, value in answer.headers if name == b"tanzaku-exchange-id"]
    assert named == [bench.exchange.exchange_id.encode()]
