"""Reading a request: its head, its body, what it asks for; each once."""

import asyncio
import json
from dataclasses import replace
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

from tanzaku.gateway._answer import decode_for_reading
from tanzaku.gateway._headers import RequestHead
from tanzaku.gateway._stages import Asked
from tanzaku.transport import HttpRequest
from tanzaku.wire import ApiError, measure_object

MESSAGES = "/v1/messages"
COUNT_TOKENS = "/v1/messages/count_tokens"
READ_PATHS = frozenset({MESSAGES, COUNT_TOKENS})
_REMEMBERED_BYTES = 4096
_ASIDE_BYTES = 1024 * 1024
# By these it is decided who may ask that and what it may cost.
_DECIDING = ("model", "max_tokens", "speed", "inference_geo")
_DECIDING_BYTES = tuple(f'"{name}"'.encode() for name in _DECIDING)


async def read_asked(request: HttpRequest, head: RequestHead, now: float) -> Asked:
    """The request with what was read of it; an upload is not looked into.

    On the paths whose bodies decide something a body that is too deep or has too many keys is
    objected to. What is named twice there counts as not named: an upstream may take the other value.
    """
    path = request.path
    is_post = request.method == "POST"
    body, params, objection = b"", {}, ""
    if is_post and (path in READ_PATHS or head.is_json):
        body = request.body
        if head.is_coded:
            body = await decode_for_reading(request.headers, body)
        if path not in READ_PATHS:
            params = parse_object(body)
        elif len(body) <= _REMEMBERED_BYTES:
            # What was read is never changed, so that it may serve again.
            params, objection = _read_again(body)
        elif len(body) <= _ASIDE_BYTES:
            params, objection = _read_params(body)
        else:
            params, objection = await asyncio.to_thread(_read_params, body)
    is_message = is_post and path == MESSAGES
    return Asked(request, path, params, body, head.labels, now, is_message, objection)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; empty when it holds none, which the upstream then says itself."""
    try:
        value = from_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _read_params(body: bytes) -> tuple[dict[str, Any], str]:
    """The object in `body`, and what is to be said against it."""
    try:
        params = from_json(body)
        if not isinstance(params, dict):
            return {}, ""
        measure_object(params)
    except ApiError as refusal:
        return {}, refusal.message
    except ValueError as error:
        # Nothing here reads it; whether an upstream does, and at what cost, is not known.
        is_deep = str(error).startswith("recursion limit exceeded")
        return {}, f"The request body is not valid JSON: {error}" if is_deep else ""
    for name in _find_twice(body):
        del params[name]
    return params, ""


def _find_twice(body: bytes) -> list[str]:
    """What something is decided by and stands twice."""
    # `find` takes a fifth of what `in` does.
    if body.find(b"\\u00") < 0 and all(body.count(name) < 2 for name in _DECIDING_BYTES):
        return []
    outermost: list[tuple[str, Any]] = []

    def keep(pairs: list[tuple[str, Any]]) -> None:
        nonlocal outermost
        outermost = pairs

    json.loads(body, object_pairs_hook=keep)
    names = [name for name, _ in outermost]
    return [name for name in _DECIDING if names.count(name) > 1]


_read_again = lru_cache(maxsize=256)(_read_params)


def ask_for(model: str, request: HttpRequest) -> HttpRequest:
    """The same request, asking for `model`; one that holds no JSON object stays as it is."""
    params = parse_object(request.body)
    if not params or params.get("model") == model:
        return request
    return replace(request, body=to_json(params | {"model": model}))
