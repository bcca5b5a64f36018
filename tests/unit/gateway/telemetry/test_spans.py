"""Spans as a collector gets them: in memory, and decoded by the protocol's own classes."""

import gzip
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, override

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.trace import SpanKind, StatusCode

from tanzaku.exchange import Attempt, Exchange, Timings
from tanzaku.gateway.telemetry import SpanSettings
from tanzaku.gateway.telemetry._spans import SpanWriter

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")
KINDS = {"east": "bedrock", "gcp": "vertex"}


def write(*exchanges: Exchange, bodies: bool = False) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    writer = SpanWriter(SpanSettings(with_bodies=bodies), KINDS, exporter)
    writer.write(exchanges)
    writer.close()
    return list(exporter.get_finished_spans())


def describe(exchange: Exchange, *, bodies: bool = False) -> Mapping[str, Any]:
    (span,) = write(exchange, bodies=bodies)
    assert span.attributes is not None
    return span.attributes


def test_a_call_is_a_chat_span_with_the_conventions_names(
    build_settled: Callable[..., Exchange],
) -> None:
    (span,) = write(build_settled(is_stream=True))
    assert span.name == "chat claude-haiku-4-5"
    assert span.kind == SpanKind.CLIENT
    assert span.status.status_code == StatusCode.UNSET
    assert span.start_time == 1764000000_250000000
    assert span.end_time == 1764000001_000000000
    assert span.attributes is not None
    wanted = {
        gen_ai.GEN_AI_OPERATION_NAME: "chat",
        gen_ai.GEN_AI_PROVIDER_NAME: "anthropic",
        gen_ai.GEN_AI_REQUEST_MODEL: "claude-haiku-4-5",
        gen_ai.GEN_AI_REQUEST_STREAM: True,
        gen_ai.GEN_AI_REQUEST_MAX_TOKENS: 9,
        gen_ai.GEN_AI_REQUEST_TEMPERATURE: 0.5,
        gen_ai.GEN_AI_RESPONSE_MODEL: "claude-haiku-4-5-20251001",
        gen_ai.GEN_AI_RESPONSE_FINISH_REASONS: ["end_turn"],
        gen_ai.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: 0.04,
        # All that was read, from a cache too.
        gen_ai.GEN_AI_USAGE_INPUT_TOKENS: 17,
        gen_ai.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: 7,
        gen_ai.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: 0,
        gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS: 4,
    }
    found = {name: value for name, value in span.attributes.items() if name.startswith("gen_ai.")}
    assert found == wanted
    assert span.attributes["tanzaku.cost_usd"] == 0.000037
    assert span.attributes["tanzaku.key"] == "key_1"
    assert span.attributes["http.response.status_code"] == 200
    assert span.resource.attributes["service.name"] == "tanzaku"


def test_it_hangs_below_the_clients_span(build_settled: Callable[..., Exchange]) -> None:
    below, alone = write(build_settled(request_headers=[PARENT]), build_settled())
    assert below.context is not None
    assert below.parent is not None
    assert f"{below.context.trace_id:032x}" == TRACE
    assert f"{below.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert below.parent.is_remote
    assert alone.parent is None


def test_what_no_client_wants_sampled_makes_no_span(build_settled: Callable[..., Exchange]) -> None:
    unsampled = ("traceparent", PARENT[1][:-2] + "00")
    assert write(build_settled(request_headers=[unsampled])) == []


def test_tries_are_events_and_an_error_is_named(build_settled: Callable[..., Exchange]) -> None:
    attempts = [
        Attempt("a", 1764000000.5, 10.0, 529),
        Attempt("b", 1764000000.75, 20.0, None, "no answer"),
    ]
    (span,) = write(build_settled(status=529, error="overloaded_error", attempts=attempts))
    assert span.status.status_code == StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "overloaded_error"
    told = [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events]
    first = {"tanzaku.upstream": "a", "tanzaku.duration_ms": 10.0, "http.response.status_code": 529}
    second = {"tanzaku.upstream": "b", "tanzaku.duration_ms": 20.0, "error.message": "no answer"}
    assert told == [
        ("tanzaku.attempt", 1764000000_500000000, first),
        ("tanzaku.attempt", 1764000000_750000000, second),
    ]


@pytest.mark.parametrize(("route", "provider"), [("east", "aws.bedrock"), ("gcp", "gcp.vertex_ai")])
def test_a_cloud_is_named_as_the_conventions_name_it(
    build_settled: Callable[..., Exchange], route: str, provider: str
) -> None:
    assert describe(build_settled(route=route))["gen_ai.provider.name"] == provider


def test_what_is_no_message_has_no_gen_ai_names(build_settled: Callable[..., Exchange]) -> None:
    (span,) = write(build_settled(method="GET", path="/v1/models", model=None, usage=None))
    assert span.name == "GET"
    assert span.attributes is not None
    assert not [name for name in span.attributes if name.startswith("gen_ai.")]


ASKED = {
    "model": "claude-haiku-4-5",
    "max_tokens": 5,
    "system": "be CANARY",
    "messages": [
        {"role": "user", "content": "CANARY?"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm CANARY", "signature": "s"},
            {"type": "tool_use", "id": "t1", "name": "look", "input": {"q": "CANARY"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "CANARY!"},
        ]},
    ],
}  # fmt: skip
ANSWERED = {
    "type": "message", "role": "assistant", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "the CANARY"}],
}  # fmt: skip


def test_texts_go_along_only_where_that_is_asked_for(
    build_settled: Callable[..., Exchange],
) -> None:
    exchange = build_settled(
        request_body=json.dumps(ASKED).encode(), response_body=json.dumps(ANSWERED).encode()
    )
    (span,) = write(exchange)
    assert "CANARY" not in span.to_json()
    told = describe(exchange, bodies=True)
    assert json.loads(told["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "be CANARY"}
    ]
    assert json.loads(told["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "CANARY?"}]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "hm CANARY"},
            {"type": "tool_call", "id": "t1", "name": "look", "arguments": {"q": "CANARY"}},
        ]},
        {"role": "user", "parts": [
            {"type": "tool_call_response", "id": "t1", "response": "CANARY!"},
        ]},
    ]  # fmt: skip
    assert json.loads(told["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "the CANARY"}],
            "finish_reason": "end_turn",
        }
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"messages": 3, "stop_sequences": 1}', b"\xff{"])
def test_a_body_that_is_no_request_makes_a_span_all_the_same(
    build_settled: Callable[..., Exchange], body: bytes
) -> None:
    for bodies in (False, True):
        told = describe(build_settled(request_body=body, response_body=body), bodies=bodies)
        assert told["gen_ai.request.model"] == "claude-haiku-4-5"
        assert "gen_ai.output.messages" not in told


@contextmanager
def collect() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A collector that speaks OTLP over HTTP: its endpoint, and what it was sent."""
    kept: list[ExportTraceServiceRequest] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            kept.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", kept
        server.shutdown()
        thread.join()


def test_a_collector_gets_them_over_http(build_settled: Callable[..., Exchange]) -> None:
    with collect() as (endpoint, kept):
        writer = SpanWriter(SpanSettings(endpoint), KINDS)
        writer.write([build_settled(request_headers=[PARENT]) for _ in range(600)])
        writer.close()
    spans = [
        span
        for request in kept
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert len(spans) == 600
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert {span.name for span in spans} == {"chat claude-haiku-4-5"}
    resource = kept[0].resource_spans[0].resource
    names = {attribute.key: attribute.value.string_value for attribute in resource.attributes}
    assert names["service.name"] == "tanzaku"


def test_a_collector_that_never_answers_does_not_hold_up_the_end(
    build_settled: Callable[..., Exchange], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces"
        writer = SpanWriter(SpanSettings(endpoint), KINDS)
        writer.write([build_settled()])
        before = time.monotonic()
        writer.close()
        assert time.monotonic() - before < 4
    assert "tanzaku.telemetry" in {record.name for record in caplog.records}
    for thread in threading.enumerate():
        if thread.name == "last spans":
            thread.join()


def test_a_call_that_is_not_streamed_has_no_time_to_its_first_chunk(
    build_settled: Callable[..., Exchange],
) -> None:
    assert gen_ai.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK not in describe(
        build_settled(timings=Timings(5.0, 9.0))
    )
