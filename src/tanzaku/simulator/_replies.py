"""HTTP answers in the API's form: headers every answer carries, JSON, events, errors."""

import hashlib
import uuid
from typing import Any

from pydantic_core import to_json

from tanzaku.exchange import RULE_HEADER
from tanzaku.transport import HeaderList, HttpResponse
from tanzaku.wire import ORGANIZATION_ID, REQUEST_ID, SHOULD_RETRY, ApiError

_RULE = RULE_HEADER.encode()
_JSON = (b"content-type", b"application/json")
_EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
_NO_CACHE = (b"cache-control", b"no-cache")
_RETRIED_STATUSES = frozenset({408, 409, 429})


def derive_organization(seed: int) -> bytes:
    """The organization id (a UUID) that goes with a seed."""
    digest = hashlib.blake2b(b"organization %d" % seed, digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4)).encode()


def reply_json(
    value: Any, request_id: str, *, rule: str, organization: bytes, status: int = 200
) -> HttpResponse:
    return HttpResponse(status, _head(_JSON, request_id, rule, organization), to_json(value))


def reply_events(frames: bytes, request_id: str, *, rule: str, organization: bytes) -> HttpResponse:
    """A whole event stream in one piece."""
    headers = _head(_EVENTS, request_id, rule, organization)
    headers.append(_NO_CACHE)
    return HttpResponse(200, headers, frames)


def reply_error(
    error: ApiError, request_id: str, *, rule: str, organization: bytes | None = None
) -> HttpResponse:
    """The error envelope, with `x-should-retry` true on 408, 409, 429 and from 500 up (seen on 400,
    429 and 529; the rest is a guess)."""
    is_retried = error.status in _RETRIED_STATUSES or error.status >= 500
    headers = _head(_JSON, request_id, rule, organization)
    headers.append((SHOULD_RETRY, b"true" if is_retried else b"false"))
    headers += error.headers
    return HttpResponse(error.status, headers, error.body(request_id))


def _head(
    content_type: tuple[bytes, bytes], request_id: str, rule: str, organization: bytes | None
) -> HeaderList:
    headers = [content_type, (REQUEST_ID, request_id.encode()), (_RULE, rule.encode())]
    if organization is not None:
        headers.append((ORGANIZATION_ID, organization))
    return headers
