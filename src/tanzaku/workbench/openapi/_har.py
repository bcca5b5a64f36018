"""HTTP Archive 1.2, as browsers' developer tools open it."""

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from tanzaku.core import VERSION
from tanzaku.exchange import Exchange
from tanzaku.transport import CREDENTIAL_HEADERS
from tanzaku.workbench.openapi._exports import NamedRequest, hide_secrets

_PROTOCOL: Final = "HTTP/1.1"


def render_har(entries: Sequence[dict[str, Any]]) -> str:
    """The archive of these entries."""
    log = {
        "version": "1.2",
        "creator": {"name": "tanzaku", "version": VERSION},
        "entries": list(entries),
    }
    return json.dumps({"log": log}, ensure_ascii=False, indent=1) + "\n"


def build_unsent_entry(one: NamedRequest, now: float) -> dict[str, Any]:
    """A request that was not sent; its answer has the status 0, as the format wants it. Credentials
    are masked."""
    headers = [
        (name, "…" if name.encode() in CREDENTIAL_HEADERS else hide_secrets(value))
        for name, value in one.headers
    ]
    body = one.request.body if one.text is None else hide_secrets(one.text).encode()
    target = hide_secrets(one.request.target)
    request = _build_request(one.request.method, one.base_url, target, headers, body)
    return _build_entry(one.name, now, request, _build_response(0, [], b""), 0, 0)


def build_entry(name: str, exchange: Exchange) -> dict[str, Any]:
    """An exchange that was recorded; of its times it knows the first byte and the last."""
    settlement = exchange.settlement
    base_url = settlement.route if settlement else ""
    request = _build_request(
        exchange.method,
        base_url,
        exchange.target,
        exchange.request_headers,
        exchange.request_body,
    )
    if settlement is None:
        return _build_entry(name, exchange.started_at, request, _build_response(0, [], b""), 0, 0)
    response = _build_response(
        settlement.status, settlement.response_headers, settlement.response_body
    )
    total_ms = settlement.timings.total_ms
    first_ms = settlement.timings.ttft_ms
    return _build_entry(
        name,
        exchange.started_at,
        request,
        response,
        total_ms if first_ms is None else first_ms,
        total_ms,
    )


def _build_entry(
    name: str,
    started_at: float,
    request: dict[str, Any],
    response: dict[str, Any],
    first_ms: float,
    total_ms: float,
) -> dict[str, Any]:
    started = datetime.fromtimestamp(started_at, UTC).isoformat(timespec="milliseconds")
    receive = max(0.0, total_ms - first_ms)
    return {
        "startedDateTime": started,
        "time": first_ms + receive,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": first_ms, "receive": receive},
        "comment": name,
    }


def _build_request(
    method: str, base_url: str, target: str, headers: Sequence[tuple[str, str]], body: bytes
) -> dict[str, Any]:
    query = target.partition("?")[2]
    made: dict[str, Any] = {
        "method": method,
        "url": base_url.rstrip("/") + target,
        "httpVersion": _PROTOCOL,
        "cookies": [],
        "headers": _name_values(headers),
        "queryString": _name_values(parse_qsl(query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": len(body),
    }
    if body:
        kind = dict(headers).get("content-type", "application/octet-stream")
        made["postData"] = {"mimeType": kind, "text": body.decode("utf-8", "replace")}
    return made


def _build_response(status: int, headers: Sequence[tuple[str, str]], body: bytes) -> dict[str, Any]:
    named = dict(headers)
    content: dict[str, Any] = {
        "size": len(body),
        "mimeType": named.get("content-type", "x-unknown"),
    }
    try:
        content["text"] = body.decode()
    except UnicodeDecodeError:
        content |= {"text": b64encode(body).decode(), "encoding": "base64"}
    return {
        "status": status,
        "statusText": _PHRASES.get(status, ""),
        "httpVersion": _PROTOCOL,
        "cookies": [],
        "headers": _name_values(headers),
        "content": content,
        "redirectURL": named.get("location", ""),
        "headersSize": -1,
        "bodySize": -1,
    }


_PHRASES: Final = {one.value: one.phrase for one in HTTPStatus}


def _name_values(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
