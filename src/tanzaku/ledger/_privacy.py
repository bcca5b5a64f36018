"""How much of an exchange is kept: everything, its shape, or its figures alone."""

import json
from dataclasses import replace
from typing import Any, Final, Literal

from pydantic_core import from_json

from tanzaku.core import SseDecoder, encode_frame
from tanzaku.exchange import Exchange, Settlement

type Privacy = Literal["full", "redacted", "metadata"]
PRIVACIES: Final = ("full", "redacted", "metadata")

# What says how a body is built, and no word of a person.
_PLAIN: Final = frozenset(
    {
        "type", "role", "model", "id", "name", "tool_use_id", "stop_reason", "media_type", "ttl",
        "effort", "service_tier", "speed", "inference_geo", "custom_id", "processing_status",
        "error_code", "request_id",
    }
)  # fmt: skip
_SCHEMAS: Final = frozenset({"input_schema", "schema"})
# Below these everything is a person's, whatever it is called: what a tool is given, for instance.
_PRIVATE: Final = frozenset({"input", "metadata"})


def veil_exchange(exchange: Exchange, privacy: Privacy) -> Exchange:
    """The exchange as it may be kept; the same where all may."""
    if privacy == "full":
        return exchange
    return replace(
        exchange,
        query=_veil_query(exchange.query),
        request_headers=_veil_headers(exchange.request_headers, privacy),
        request_body=veil_body(exchange.request_body, privacy),
    )


def veil_settlement(settled: Settlement, privacy: Privacy) -> Settlement:
    """The settlement as it may be kept; the same where all may."""
    if privacy == "full":
        return settled
    return replace(
        settled,
        response_headers=_veil_headers(settled.response_headers, privacy),
        response_body=veil_body(settled.response_body, privacy),
    )


def veil_body(body: bytes, privacy: Privacy) -> bytes:
    """A body with every text in it as its length, or nothing of it.

    Names, types, roles, models, ids and figures stay. What is neither JSON nor server-sent events
    is its length alone.
    """
    if privacy == "full" or not body:
        return body
    if privacy == "metadata":
        return b""
    try:
        return _encode(_veil(from_json(body)))
    except ValueError:
        pass
    frames = list(SseDecoder().feed(body))
    try:
        return (
            b"".join(
                encode_frame(frame.event, _encode(_veil(from_json(frame.data)))) for frame in frames
            )
            or _measure(body.decode("utf-8", "replace")).encode()
        )
    except ValueError:
        return _measure(body.decode("utf-8", "replace")).encode()


def _veil(value: Any, name: str = "", *, is_private: bool = False) -> Any:
    if isinstance(value, str):
        return value if name in _PLAIN and not is_private else _measure(value)
    if isinstance(value, list):
        return [_veil(item, name, is_private=is_private) for item in value]
    if isinstance(value, dict):
        if name in _SCHEMAS:
            return {"type": value.get("type")}
        is_private = is_private or name in _PRIVATE
        return {key: _veil(item, key, is_private=is_private) for key, item in value.items()}
    if is_private and isinstance(value, int | float) and not isinstance(value, bool):
        return 0
    return value


def _veil_headers(headers: list[tuple[str, str]], privacy: Privacy) -> list[tuple[str, str]]:
    return [(name, "") for name, _ in headers] if privacy == "metadata" else headers


def _veil_query(query: str) -> str:
    """The names alone; a word without a value may be either, and goes."""
    parts = (part.partition("=") for part in query.split("&"))
    return "&".join(f"{name}=" for name, equals, _ in parts if equals)


def _measure(text: str) -> str:
    return f"[{len(text)} characters]"


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
