"""Which call of Anthropic's SDKs a request is, if it is one.

The calls and their paths: SDK 2.12.0 (Python) and 1.12.0 (TypeScript).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from tanzaku.wire import API_VERSIONS
from tanzaku.workbench.sending._snippet_parts import Basic, Parts, Text

_BATCHES: Final = "/v1/messages/batches"
_CALLS: Final = {
    ("POST", "/v1/messages"): "messages.create",
    ("POST", "/v1/messages/count_tokens"): "messages.count_tokens",
    ("POST", _BATCHES): "messages.batches.create",
    ("GET", _BATCHES): "messages.batches.list",
    ("GET", f"{_BATCHES}/*"): "messages.batches.retrieve",
    ("POST", f"{_BATCHES}/*/cancel"): "messages.batches.cancel",
    ("DELETE", f"{_BATCHES}/*"): "messages.batches.delete",
    ("GET", f"{_BATCHES}/*/results"): "messages.batches.results",
    ("GET", "/v1/models"): "models.list",
    ("GET", "/v1/models/*"): "models.retrieve",
    ("GET", "/v1/files"): "files.list",
    ("GET", "/v1/files/*"): "files.retrieve_metadata",
    ("DELETE", "/v1/files/*"): "files.delete",
}
# What the SDKs add themselves, or take as the client's.
_OWN_HEADERS: Final = frozenset(
    {"accept", "content-type", "user-agent", "x-api-key", "authorization"}
)
# Arguments that leave a body for a header.
_MOVED: Final = frozenset({"user_profile_id", "workspace_id"})
_LONG_ANSWER: Final = 8_192
LONG_TIMEOUT_S: Final = 600


@dataclass(frozen=True, slots=True)
class SdkCall:
    """`name` as Python has it, the `subject` of its path, the arguments (of the body, or the query
    of a list), headers beside the usual ones, and whether the answer is a stream. `is_long`: an
    SDK refuses such a request (an unstreamed answer of many tokens) without a timeout."""

    name: str
    subject: str | None
    arguments: Mapping[str, Any]
    headers: Mapping[str, Text]
    query: Mapping[str, str]
    key: Text
    is_stream: bool
    is_long: bool


def find_call(parts: Parts) -> SdkCall | None:
    """None for what an SDK would not send as it is: no call of its, an argument it needs missing,
    no credential, a body that is no plain JSON object."""
    name, subject = _find_name(parts.method, parts.path)
    key = _find_key(parts)
    headers = _find_headers(parts)
    query = _find_query(parts.query)
    if name is None or key is None or headers is None or query is None:
        return None
    arguments: Mapping[str, Any] = {}
    if name.endswith(".list"):
        arguments, query = query, {}
    elif parts.body or (parts.method == "POST" and not name.endswith(".cancel")):
        if not (parts.is_json and isinstance(parts.json, dict)):
            return None
        arguments = parts.json
    elif parts.find("content-type") is not None:
        return None
    stream = arguments.get("stream", False)
    if not isinstance(stream, bool) or not _list_needed(name) <= arguments.keys():
        return None
    most = arguments.get("max_tokens")
    is_long = isinstance(most, int) and most > _LONG_ANSWER and not stream
    return SdkCall(name, subject, arguments, headers, query, key, stream, is_long)


def _find_name(method: str, path: str) -> tuple[str | None, str | None]:
    exact = _CALLS.get((method, path))
    if exact is not None:
        return exact, None
    match = re.fullmatch(r"(/v1/(?:messages/batches|models|files))/([^/]+)(/\w+)?", path)
    if match is None or unquote(match[2]) in (".", ".."):
        return None, None
    return _CALLS.get((method, f"{match[1]}/*{match[3] or ''}")), unquote(match[2])


def _find_key(parts: Parts) -> Text | None:
    """What the client is given: an API key, or a bearer's token, which go the same way."""
    key, bearer = parts.find("x-api-key"), parts.find("authorization")
    if isinstance(key, tuple) and bearer is None:
        return key
    if key is None and isinstance(bearer, tuple) and str(bearer[0]).lower() == "bearer ":
        return bearer[1:]
    return None


def _find_headers(parts: Parts) -> Mapping[str, Text] | None:
    """Those to be added; None where one stands twice, or the version is missing or none."""
    names = [name for name, _ in parts.headers]
    version = parts.find("anthropic-version")
    kind = parts.find("content-type")
    if len(set(names)) < len(names) or version not in {(one,) for one in API_VERSIONS}:
        return None
    if (kind is not None and kind != ("application/json",)) or (parts.body and kind is None):
        return None
    return {
        name: value
        for name, value in parts.headers
        if name not in _OWN_HEADERS
        and not isinstance(value, Basic)
        and (name, value) != ("anthropic-version", (API_VERSIONS[-1],))
    }


def _find_query(query: str) -> dict[str, str] | None:
    pairs = parse_qsl(query, keep_blank_values=True)
    found = dict(pairs)
    is_plain = len(found) == len(pairs) and not any(name.endswith("[]") for name in found)
    return found if is_plain else None


@lru_cache
def list_arguments(name: str) -> frozenset[str]:
    """What the Python SDK's call takes by name and sends where the body, or the query, has it."""
    return frozenset(_read_signature(name)) - _MOVED - {"timeout"}


@lru_cache
def _list_needed(name: str) -> frozenset[str]:
    return frozenset(one for one, is_needed in _read_signature(name).items() if is_needed)


@lru_cache
def _read_signature(name: str) -> dict[str, bool]:
    """The arguments by name, and whether the call needs them."""
    from inspect import Parameter, signature

    from anthropic import resources
    from anthropic.resources.messages import Batches

    owners: dict[str, type] = {
        "messages": resources.Messages,
        "batches": Batches,
        "models": resources.Models,
        "files": resources.Files,
    }
    *_, owner, call = name.split(".")
    parameters = signature(getattr(owners[owner], call)).parameters
    return {
        one.name: one.default is Parameter.empty
        for one in parameters.values()
        if one.kind is Parameter.KEYWORD_ONLY and not one.name.startswith("extra_")
    }


def holds_moved(call: SdkCall) -> bool:
    """Whether an argument would leave the body for a header."""
    return not _MOVED.isdisjoint(call.arguments)
