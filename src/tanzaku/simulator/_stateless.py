"""Valid objects for ids nobody made: what `schema` strictness answers instead of a 400 or 404.

SDK authors run generated suites against such a server: every call with made-up ids, one after the
other. Shapes: SDK 2.12.0 types.
"""

import json
from typing import Any

from tanzaku.catalog import list_models
from tanzaku.core import format_rfc3339
from tanzaku.simulator._models_api import describe_model
from tanzaku.simulator._replies import Head, reply_json
from tanzaku.transport import HttpRequest, HttpResponse

_RULE = "schema"
_BATCHES = "/v1/messages/batches"
_FILES = "/v1/files"
_MODELS = "/v1/models"
_DAY_S = 86_400


def answer_anyway(request: HttpRequest, head: Head, now: float) -> HttpResponse | None:
    """A valid answer to a call of batches, files or models; None for any other path."""
    head.rule = _RULE
    path = request.path
    for root, build in ((_BATCHES, _build_batch), (_FILES, _build_file), (_MODELS, _build_model)):
        if path == root or path.startswith(f"{root}/"):
            return _answer(request, head, root, build(path[len(root) + 1 :].split("/")[0], now))
    return None


def _answer(request: HttpRequest, head: Head, root: str, value: dict[str, Any]) -> HttpResponse:
    path = request.path
    if path == root and request.method == "GET":
        return reply_json(_build_page(root, value), head)
    if request.method == "DELETE":
        kind = "message_batch_deleted" if root == _BATCHES else "file_deleted"
        return reply_json({"id": value["id"], "type": kind}, head)
    if path.endswith("/results"):
        line = {"custom_id": "custom_id", "result": {"type": "expired"}}
        headers = head.to_headers((b"content-type", b"application/x-jsonl"))
        return HttpResponse(200, headers, json.dumps(line).encode() + b"\n")
    if path.endswith("/content"):
        headers = head.to_headers((b"content-type", b"application/octet-stream"))
        return HttpResponse(200, headers, b"content")
    return reply_json(value, head)


def _build_page(root: str, value: dict[str, Any]) -> dict[str, Any]:
    if root == _FILES:
        return {"data": [value], "next_page": None}
    ends = {"first_id": value["id"], "last_id": value["id"]}
    return {"data": [value], "has_more": False, **ends}


def _build_batch(name: str, now: float) -> dict[str, Any]:
    return {
        "id": name or "msgbatch_any",
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": dict.fromkeys(
            ("processing", "succeeded", "errored", "canceled", "expired"), 0
        ),
        "created_at": format_rfc3339(now),
        "expires_at": format_rfc3339(now + _DAY_S),
        "ended_at": None,
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": None,
    }


def _build_file(name: str, now: float) -> dict[str, Any]:
    return {
        "id": name or "file_any",
        "type": "file",
        "filename": "any.txt",
        "mime_type": "text/plain",
        "size_bytes": 7,
        "created_at": format_rfc3339(now),
        "downloadable": True,
        "expires_at": None,
    }


def _build_model(name: str, now: float) -> dict[str, Any]:
    first = list_models()[0]
    assert first.released_on is not None
    return describe_model(first, first.released_on) | ({"id": name} if name else {})
