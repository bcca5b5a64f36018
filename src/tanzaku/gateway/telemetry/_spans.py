"""Exchanges as spans of OpenTelemetry's GenAI conventions. Needs the extra `telemetry`.

Names: opentelemetry-semantic-conventions 0.66b2, whose GenAI part has moved to
github.com/open-telemetry/semantic-conventions-genai and is still "development". They stand in this
module only. What is named `tanzaku.*` is ours.
"""

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from tanzaku.core import VERSION
from tanzaku.exchange import Exchange, Settlement
from tanzaku.gateway.telemetry._messages import describe_input, describe_output
from tanzaku.gateway.telemetry._settings import SpanSettings
from tanzaku.gateway.telemetry._trace import SpanPlace, find_place

_MESSAGES: Final = "/v1/messages"
_SCOPE: Final = InstrumentationScope("tanzaku", VERSION)
_MILLION: Final = 10**6
_MOST_READ_BYTES: Final = 64 * 1024
_CLOSING_S: Final = 2.0
_PROVIDERS: Final = {"bedrock": "aws.bedrock", "vertex": "gcp.vertex_ai"}
_ASKED: Final = {
    "max_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_k": "gen_ai.request.top_k",
    "top_p": "gen_ai.request.top_p",
}
_LABELS: Final = ("key", "team", "owner", "tags", "run", "agent", "step")

type Attributes = dict[str, AttributeValue]

_log = logging.getLogger("tanzaku.telemetry")


class SpanWriter:
    """Gives exchanges as spans to an exporter, in batches and in a thread of its own.

    `kinds` has the kind of each upstream by its name (`bedrock`, `vertex`; anything else is the
    Claude API). Where the collector does not keep up, or is not there, spans are left out.
    """

    def __init__(
        self,
        settings: SpanSettings,
        kinds: Mapping[str, str],
        exporter: SpanExporter | None = None,
    ) -> None:
        self._with_bodies = settings.with_bodies
        self._kinds = kinds
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come before what is said here.
        own = Resource({SERVICE_NAME: "tanzaku", SERVICE_VERSION: VERSION})
        self._resource = own.merge(_read_environment())
        self._exporter = exporter or OTLPSpanExporter(settings.endpoint)
        self._processor = BatchSpanProcessor(self._exporter)

    def write(self, exchanges: Sequence[Exchange]) -> None:
        """Make spans of those that are sampled. May be slow where bodies are wanted."""
        for exchange in exchanges:
            span = self._build(exchange)
            if span is not None:
                self._processor.on_end(span)

    def close(self) -> None:
        """Send what waits; blocks for 2 s at most, then leaves out what the collector did not take."""
        # The SDK itself waits for as long as its exporter may take, 10 s by default. A daemon, so
        # that the end of the process does not wait either.
        ending = threading.Thread(target=self._processor.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(_CLOSING_S)
        if ending.is_alive():
            _log.warning("the last spans are left out: the collector did not take them in time")
            self._exporter.shutdown()

    def _build(self, exchange: Exchange) -> ReadableSpan | None:
        settled = exchange.settlement
        place = find_place(_find_parent(exchange), exchange.exchange_id)
        if settled is None or not place.is_sampled:
            return None
        is_message = exchange.path == _MESSAGES and exchange.method == "POST"
        attributes = _describe_call(exchange, settled)
        name = exchange.method
        if is_message:
            name = f"chat {exchange.model}" if exchange.model else "chat"
            provider = _PROVIDERS.get(self._kinds.get(settled.route, ""), "anthropic")
            attributes["gen_ai.provider.name"] = provider
            attributes |= _describe_message(exchange, settled)
            attributes |= _describe_bodies(exchange, settled, is_whole=self._with_bodies)
        is_failed = settled.error is not None or settled.status >= 400
        return ReadableSpan(
            name,
            context=_build_context(place, place.span_id, is_remote=False),
            parent=(
                None
                if place.parent_id is None
                else _build_context(place, place.parent_id, is_remote=True)
            ),
            resource=self._resource,
            attributes=attributes,
            events=_list_events(settled),
            kind=SpanKind.CLIENT,
            status=Status(StatusCode.ERROR) if is_failed else Status(),
            start_time=_to_ns(exchange.started_at),
            end_time=_to_ns(exchange.started_at + settled.timings.total_ms / 1000),
            instrumentation_scope=_SCOPE,
        )


def _read_environment() -> Resource:
    """What the environment says of this process, without the SDK's `unknown_service`."""
    found = Resource.create()
    names = {
        name: value
        for name, value in found.attributes.items()
        if not (name == SERVICE_NAME and str(value).startswith("unknown_service"))
    }
    return Resource(names)


def _find_parent(exchange: Exchange) -> bytes | None:
    found = [value for name, value in exchange.request_headers if name == "traceparent"]
    return found[0].encode("latin-1", "replace") if len(found) == 1 else None


def _build_context(place: SpanPlace, span_id: int, *, is_remote: bool) -> SpanContext:
    return SpanContext(place.trace_id, span_id, is_remote, TraceFlags(place.flags))


def _describe_call(exchange: Exchange, settled: Settlement) -> Attributes:
    """What every call has."""
    attributes: Attributes = {
        "http.request.method": exchange.method,
        "http.response.status_code": settled.status,
        "url.path": exchange.path,
        "tanzaku.exchange_id": exchange.exchange_id,
        "tanzaku.route": settled.route,
    }
    if settled.error is not None:
        attributes["error.type"] = settled.error.type
    elif settled.status >= 400:
        attributes["error.type"] = str(settled.status)
    if settled.request_id is not None:
        attributes["tanzaku.request_id"] = settled.request_id
    if settled.cost is not None:
        attributes["tanzaku.cost_usd"] = float(settled.cost.total_usd)
    for name in _LABELS:
        if name in exchange.labels:
            attributes[f"tanzaku.{name}"] = exchange.labels[name]
    return attributes


def _describe_message(exchange: Exchange, settled: Settlement) -> Attributes:
    usage = settled.usage or {}
    read = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    first_ms = settled.timings.ttft_ms
    values: dict[str, AttributeValue | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": exchange.model,
        "gen_ai.request.stream": exchange.is_stream,
        "gen_ai.response.model": settled.response_model,
        "gen_ai.response.finish_reasons": [settled.stop_reason] if settled.stop_reason else None,
        "gen_ai.response.time_to_first_chunk": (
            first_ms / 1000 if exchange.is_stream and first_ms is not None else None
        ),
    }
    if usage:
        # The conventions count all input here, what a cache wrote and read too.
        values["gen_ai.usage.input_tokens"] = (usage.get("input_tokens") or 0) + read + written
        values["gen_ai.usage.output_tokens"] = usage.get("output_tokens") or 0
        values["gen_ai.usage.cache_read.input_tokens"] = read
        values["gen_ai.usage.cache_creation.input_tokens"] = written
    return {name: value for name, value in values.items() if value is not None}


def _describe_bodies(exchange: Exchange, settled: Settlement, *, is_whole: bool) -> Attributes:
    """What was asked with, read of the body where that is cheap; with `is_whole` the texts too."""
    if not is_whole and len(exchange.request_body) > _MOST_READ_BYTES:
        return {}
    params, messages, system = describe_input(exchange.request_body)
    attributes: Attributes = {}
    if params is None:
        return attributes
    for name, attribute in _ASKED.items():
        value = params.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            attributes[attribute] = value
    stops = params.get("stop_sequences")
    if isinstance(stops, list):
        attributes["gen_ai.request.stop_sequences"] = [str(stop) for stop in stops]
    if is_whole:
        answer = describe_output(settled.response_body, is_stream=exchange.is_stream)
        for name, value in (
            ("gen_ai.input.messages", messages),
            ("gen_ai.system_instructions", system),
            ("gen_ai.output.messages", answer),
        ):
            if value:
                attributes[name] = _dump(value)
    return attributes


def _list_events(settled: Settlement) -> list[Event]:
    """One event for each try at an upstream."""
    events = []
    for attempt in settled.attempts:
        attributes: Attributes = {
            "tanzaku.upstream": attempt.upstream,
            "tanzaku.duration_ms": attempt.duration_ms,
        }
        if attempt.status is not None:
            attributes["http.response.status_code"] = attempt.status
        if attempt.error is not None:
            attributes["error.message"] = attempt.error
        events.append(Event("tanzaku.attempt", attributes, _to_ns(attempt.started_at)))
    return events


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _to_ns(unix_seconds: float) -> int:
    # A float of this size is no finer than a quarter of a microsecond.
    return round(unix_seconds * _MILLION) * 1000
