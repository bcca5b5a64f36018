"""Reading a request: its head, its body, what it asks for; each once."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

from tanzaku.gateway._answer import decode_for_reading
from tanzaku.gateway._headers import RequestHead
from tanzaku.gateway._stages import Asked
from tanzaku.transport import HttpRequest

MESSAGES = "/v1/messages"
COUNT_TOKENS = "/v1/messages/count_tokens"
_READ_PATHS = frozenset({MESSAGES, COUNT_TOKENS})
_REMEMBERED_BYTES = 4096


async def read_asked(request: HttpRequest, head: RequestHead, now: float) -> Asked:
    """The request with what was read of it; an upload is not looked into."""
    path = request.path
    is_post = request.method == "POST"
    body, params = b"", {}
    if is_post and (path in _READ_PATHS or head.is_json):
        body = request.body
        if head.is_coded:
            body = await decode_for_reading(request.headers, body)
        # What was read is never changed, so that it may serve again.
        read = _parse_again if len(body) <= _REMEMBERED_BYTES else parse_object
        params = read(body)
    return Asked(request, path, params, body, head.labels, now, is_post and path == MESSAGES)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; empty when it holds none, which the upstream then says itself."""
    try:
        value = from_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@lru_cache(maxsize=256)
def _parse_again(body: bytes) -> dict[str, Any]:
    return parse_object(body)


def ask_for(model: str, request: HttpRequest) -> HttpRequest:
    """The same request, asking for `model`; one that holds no JSON object stays as it is."""
    params = parse_object(request.body)
    if not params or params.get("model") == model:
        return request
    return replace(request, body=to_json(params | {"model": model}))
