"""HTTP answers in the API's form: headers every answer carries, JSON, events, errors."""

import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from tanzaku.exchange import RULE_HEADER
from tanzaku.transport import HeaderList, HttpResponse
from tanzaku.wire import ORGANIZATION_ID, REQUEST_ID, SHOULD_RETRY, WORKSPACE_ID, ApiError

_RULE = RULE_HEADER.encode()
_JSON = (b"content-type", b"application/json")
_EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
_NO_CACHE = (b"cache-control", b"no-cache")
_RETRIED_STATUSES = frozenset({408, 409, 429})


@dataclass(slots=True)
class Head:
    """The headers of one answer beside its content type. `workspace` is None where no credential
    was given; so is `organization`."""

    request_id: str
    rule: str
    organization: bytes | None = None
    workspace: bytes | None = None
    more: HeaderList = field(default_factory=list)

    def to_headers(self, content_type: tuple[bytes, bytes]) -> HeaderList:
        headers = [
            content_type,
            (REQUEST_ID, self.request_id.encode()),
            (_RULE, self.rule.encode("ascii", "replace")),
        ]
        if self.organization is not None:
            headers.append((ORGANIZATION_ID, self.organization))
        if self.workspace is not None:
            headers.append((WORKSPACE_ID, self.workspace))
        headers += self.more
        return headers


def derive_organization(seed: int) -> bytes:
    """The organization id (a UUID) that goes with a seed."""
    digest = hashlib.blake2b(b"organization %d" % seed, digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4)).encode()


def reply_json(value: Any, head: Head) -> HttpResponse:
    """`value` (bytes are JSON already) as JSON, status 200."""
    body = value if isinstance(value, bytes) else to_json(value)
    return HttpResponse(200, head.to_headers(_JSON), body)


def reply_events(frames: bytes | AsyncIterator[bytes], head: Head) -> HttpResponse:
    """An event stream: whole in one piece, or as it comes."""
    headers = head.to_headers(_EVENTS)
    headers.append(_NO_CACHE)
    return HttpResponse(200, headers, frames)


def reply_error(error: ApiError, head: Head) -> HttpResponse:
    """The error envelope, with `x-should-retry` true on 408, 409, 429 and from 500 up (seen on 400,
    429 and 529; the rest is a guess), unless the error says it itself."""
    headers = head.to_headers(_JSON)
    if all(name != SHOULD_RETRY for name, _ in error.headers):
        is_retried = error.status in _RETRIED_STATUSES or error.status >= 500
        headers.append((SHOULD_RETRY, b"true" if is_retried else b"false"))
    headers += error.headers
    return HttpResponse(error.status, headers, error.body(head.request_id))
