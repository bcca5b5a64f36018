"""A call in the Claude API's shape, cut open so that a cloud's shape can be made of it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.catalog import Model, UnknownModelError, get_model
from tanzaku.core import derive_id
from tanzaku.gateway._answer import LARGEST_BODY
from tanzaku.gateway._spans import Span, find_members
from tanzaku.transport import (
    BodyEncodingError,
    HeaderList,
    HttpRequest,
    HttpResponse,
    decode_body_aside,
    get_header,
    read_upload,
)
from tanzaku.wire import (
    ANTHROPIC_VERSION,
    API_KEY,
    REQUEST_ID,
    VERSION_2026_10_21,
    ApiError,
    parse_body,
)

MESSAGES: Final = "/v1/messages"
COUNT_TOKENS: Final = "/v1/messages/count_tokens"
_ASIDE_BYTES: Final = 256 * 1024
_JSON: Final = b"application/json"
# The version goes into the body; the rest describes a body that is written anew.
_REPLACED: Final = frozenset(
    {ANTHROPIC_VERSION, API_KEY, b"content-type", b"content-encoding", b"accept"}
)
_OF_A_BODY: Final = frozenset({b"content-type", b"content-length", b"content-encoding"})


@dataclass(frozen=True, slots=True)
class CloudCall:
    """A call for a message or for its tokens.

    `name` is the model as the client spelt it, `known` what the catalog knows of it, `mapped` what
    the settings call it on the cloud.
    """

    request: HttpRequest
    name: str
    known: Model | None
    mapped: str | None
    params: Mapping[str, Any]
    _text: str
    _members: Mapping[str, Span]

    def choose_version(self, own: str) -> str:
        """The body's `anthropic_version`: the client's where the body has one, the API's newest
        where the client asks for that and the model is new enough, else the cloud's `own`."""
        given = self.params.get("anthropic_version")
        if isinstance(given, str):
            return given
        asked = get_header(self.request.headers, ANTHROPIC_VERSION)
        is_new = asked == VERSION_2026_10_21.encode()
        return VERSION_2026_10_21 if is_new and self.known and self.known.is_from_4_7 else own

    @property
    def is_stream(self) -> bool:
        return self.params.get("stream") is True

    def write_body(self, without: frozenset[str] = frozenset(), **added: Any) -> bytes:
        """The body with `added` in place of members of these names; every other value keeps its
        bytes."""
        members = [f"{json.dumps(key)}:{json.dumps(value)}" for key, value in added.items()]
        members += [
            f"{json.dumps(key)}:{self._text[slice(*span)]}"
            for key, span in self._members.items()
            if key not in added and key not in without
        ]
        return f"{{{','.join(members)}}}".encode()

    def write_headers(self, without: frozenset[bytes] = frozenset()) -> HeaderList:
        """The client's headers but those that a cloud gets in another way."""
        kept = [
            line
            for line in self.request.headers
            if line[0] not in _REPLACED and line[0] not in without
        ]
        return [*kept, (b"content-type", _JSON), (b"accept", _JSON)]

    def refuse_model(self, cloud: str) -> ApiError:
        """Nobody here knows what the model is called on `cloud`."""
        return ApiError.not_found(
            f"model: {self.name} is not known on {cloud}. Map it in the upstream's `models`: "
            f"{{{self.name}: <its id there>}}."
        )


async def read_cloud_call(
    request: HttpRequest, cloud: str, paths: frozenset[str], models: Mapping[str, str]
) -> CloudCall:
    """Cut `request` open. ApiError 404 for a path that `cloud` has not, 400 for no JSON object with
    a model in it, as the API spells that. Raises BrokenUploadError."""
    if request.method != "POST" or request.path not in paths:
        raise ApiError.not_found(
            f"{cloud} has no {request.method} {request.path}. Route it to an upstream of kind "
            "`anthropic`."
        )
    await read_upload(request)
    try:
        body = await decode_body_aside(request.headers, request.body, LARGEST_BODY)
    except BodyEncodingError as error:
        raise ApiError.invalid_request(str(error)) from error
    if len(body) < _ASIDE_BYTES:
        return _cut_open(request, body, models)
    return await asyncio.to_thread(_cut_open, request, body, models)


def _cut_open(request: HttpRequest, body: bytes, models: Mapping[str, str]) -> CloudCall:
    params = parse_body(body)
    name = params.get("model")
    if not isinstance(name, str):
        raise ApiError.invalid_request("model: Field required")
    mapped = models.get(name)
    text = body.decode()
    return CloudCall(
        request, name, _find_model(name, mapped), mapped, params, text, find_members(text)
    )


def _find_model(*names: str | None) -> Model | None:
    for name in names:
        try:
            return get_model(name or "")
        except UnknownModelError:
            continue
    return None


def answer_error(error: ApiError, headers: HeaderList, seed: str) -> HttpResponse:
    """The API's envelope for `error`, with an answer's own `headers` but those of its body; `seed`
    makes the request id where the answer has none."""
    given = get_header(headers, REQUEST_ID)
    request_id = derive_id("req", seed) if given is None else given.decode("latin-1")
    kept = [line for line in headers if line[0] not in _OF_A_BODY]
    if given is None:
        kept.append((REQUEST_ID, request_id.encode("latin-1")))
    lines = [*kept, *error.headers, (b"content-type", _JSON)]
    return HttpResponse(error.status, lines, error.body(request_id))
