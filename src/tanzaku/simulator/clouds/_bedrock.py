"""Amazon Bedrock: InvokeModel, its response stream, and the Messages-shaped endpoint.

Sources: the wire notes of SDK 2.12 `lib/bedrock`, the InvokeModel API reference. Error names and
texts follow AWS where they are published; which of the API's errors becomes which is a guess.
"""

import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from pydantic_core import to_json

from tanzaku.exchange import RULE_HEADER
from tanzaku.simulator.clouds._aws_auth import check_aws_auth
from tanzaku.simulator.clouds._call import (
    FirstParty,
    Messages,
    find_model,
    read_object,
    take_betas,
)
from tanzaku.transport import HeaderList, HttpRequest, HttpResponse, close_body, get_header
from tanzaku.wire import (
    REQUEST_ID,
    VERSION_2023_06_01,
    VERSION_2026_10_21,
    ApiError,
    EventDecoder,
    encode_aws_frame,
    get_error_type,
    parse_error_body,
)

OWN_VERSION = "bedrock-2023-05-31"
_INVOKE = "/invoke"
_STREAM = "/invoke-with-response-stream"
_EVENT_STREAM = b"application/vnd.amazon.eventstream"
_ERROR_NAMES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    413: "ValidationException",
    429: "ThrottlingException",
    500: "InternalServerException",
    529: "ServiceUnavailableException",
}
_STREAM_ERRORS = {
    "overloaded_error": "serviceUnavailableException",
    "rate_limit_error": "throttlingException",
    "timeout_error": "modelTimeoutException",
    "invalid_request_error": "validationException",
}
_STATUSES = {413: 400, 504: 408, 529: 503}


def is_invocation(path: str) -> bool:
    """Whether a path is one of InvokeModel's."""
    return path.startswith("/model/") and path.endswith((_INVOKE, _STREAM))


async def invoke(request: HttpRequest, messages: Messages) -> HttpResponse:
    """Answer one invocation."""
    wrong = check_aws_auth(request.headers, b"bedrock")
    if wrong is not None:
        return _refuse(403, *wrong)
    name, _, call = request.path.removeprefix("/model/").rpartition("/")
    is_stream = f"/{call}" == _STREAM
    try:
        first_party = _read(unquote(name), request.body, is_stream=is_stream)
    except ApiError as error:
        return _translate_error(error)
    answer = await messages(first_party.build(request))
    if answer.status != 200:
        assert isinstance(answer.body, bytes)
        return _translate_error(parse_error_body(answer.body, answer.status), answer.headers)
    headers = _headers(answer.headers)
    if is_stream:
        headers.append((b"content-type", _EVENT_STREAM))
        headers.append((b"x-amzn-bedrock-content-type", b"application/json"))
        if isinstance(answer.body, bytes):
            frames = _Frames()
            return HttpResponse(200, headers, b"".join(frames.feed(answer.body)))
        return HttpResponse(200, headers, _FrameStream(answer.body))
    headers.append((b"content-type", b"application/json"))
    assert isinstance(answer.body, bytes)
    usage = json.loads(answer.body)["usage"]
    headers += _count_headers(usage)
    return HttpResponse(200, headers, answer.body)


def _read(name: str, raw: bytes, *, is_stream: bool) -> FirstParty:
    """The invocation in the terms of the Claude API. Raises ApiError."""
    profile = name.rpartition("/")[2] if name.startswith("arn:") else name
    model = find_model(profile)
    place, _, rest = profile.partition(".")
    if model is None or model.bedrock_id not in {profile, rest}:
        raise ApiError.invalid_request("The provided model identifier is invalid.")
    if profile == model.bedrock_id or place == "anthropic":
        raise ApiError.invalid_request(
            f"Invocation of model ID {name} with on-demand throughput isn’t supported. Retry your "
            "request with the ID or ARN of an inference profile that contains this model."
        )
    body = read_object(raw)
    version = body.pop("anthropic_version", None)
    if version is None:
        raise ApiError.invalid_request("anthropic_version: Field required")
    if version == OWN_VERSION:
        version = VERSION_2023_06_01
    elif version != VERSION_2026_10_21 or not model.is_from_4_7:
        # The text is a guess.
        raise ApiError.invalid_request(f"anthropic_version: {version} is not supported for {name}")
    for field in ("model", "stream"):
        if field in body:
            raise ApiError.invalid_request(f"{field}: Extra inputs are not permitted")
    betas = take_betas(body)
    body["model"] = model.id
    if is_stream:
        body["stream"] = True
    return FirstParty("/v1/messages", body, version, betas)


def _refuse(status: int, name: str, text: str, headers: HeaderList | None = None) -> HttpResponse:
    lines = _headers(headers or [])
    lines += [(b"content-type", b"application/json"), (b"x-amzn-errortype", name.encode())]
    return HttpResponse(status, lines, to_json({"message": text}))


def _translate_error(error: ApiError, headers: HeaderList | None = None) -> HttpResponse:
    name = _ERROR_NAMES.get(error.status, "InternalServerException")
    return _refuse(_STATUSES.get(error.status, error.status), name, error.message, headers)


def _headers(answer: HeaderList) -> HeaderList:
    """The request id under AWS's name, and the rule that answered."""
    request_id = get_header(answer, REQUEST_ID) or b"req_refused"
    rule = get_header(answer, RULE_HEADER.encode()) or b"api-error"
    return [(b"x-amzn-requestid", request_id), (RULE_HEADER.encode(), rule)]


def _count_headers(usage: Mapping[str, Any]) -> HeaderList:
    return [
        (b"x-amzn-bedrock-input-token-count", b"%d" % usage["input_tokens"]),
        (b"x-amzn-bedrock-output-token-count", b"%d" % usage["output_tokens"]),
        (b"x-amzn-bedrock-cache-read-input-token-count", b"%d" % usage["cache_read_input_tokens"]),
        (
            b"x-amzn-bedrock-cache-write-input-token-count",
            b"%d" % usage["cache_creation_input_tokens"],
        ),
    ]


class _Frames:
    """Server-sent events into event-stream frames. The last event carries the invocation's counts
    (its times are left at 0)."""

    def __init__(self) -> None:
        self._decoder = EventDecoder()
        self._counts = {"inputTokenCount": 0, "outputTokenCount": 0}

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The frames of the events that `chunk` completes; a ping has none."""
        for event in self._decoder.feed(chunk):
            kind = event["type"]
            if kind == "ping":
                continue
            if kind == "error":
                yield self._encode_error(event["error"])
                continue
            if kind == "message_start":
                self._counts["inputTokenCount"] = event["message"]["usage"]["input_tokens"]
            elif kind == "message_delta":
                self._counts["outputTokenCount"] = event["usage"]["output_tokens"]
            elif kind == "message_stop":
                times = {"invocationLatency": 0, "firstByteLatency": 0}
                event = {**event, "amazon-bedrock-invocationMetrics": self._counts | times}
            yield _encode_chunk(event)

    def _encode_error(self, error: Mapping[str, Any]) -> bytes:
        kind = _STREAM_ERRORS.get(error["type"], "internalServerException")
        headers = {
            ":exception-type": kind,
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        return encode_aws_frame(headers, to_json({"message": error["message"]}))


def _encode_chunk(event: Mapping[str, Any]) -> bytes:
    headers = {
        ":event-type": "chunk",
        ":content-type": "application/json",
        ":message-type": "event",
    }
    encoded = base64.b64encode(to_json(event)).decode()
    return encode_aws_frame(headers, to_json({"bytes": encoded}))


class _FrameStream:
    """A streamed answer in event-stream frames, as it comes."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self._frames = _Frames()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while True:
            frames = b"".join(self._frames.feed(await anext(self._source)))
            if frames:
                return frames

    async def aclose(self) -> None:
        """Leave off the source."""
        await close_body(self._source)


async def answer_mantle(request: HttpRequest, messages: Messages) -> HttpResponse:
    """The Messages-shaped endpoint: the API's own body, headers and events under AWS's signature."""
    wrong = check_aws_auth(request.headers, b"bedrock-mantle")
    if wrong is not None:
        return _refuse(403, *wrong)
    body = read_object(request.body)
    model = find_model(str(body.get("model")))
    if model is None or model.mantle_id != body.get("model"):
        raise ApiError.unknown_model(str(body.get("model")))
    version = get_header(request.headers, b"anthropic-version") or b""
    betas = get_header(request.headers, b"anthropic-beta")
    path = request.path.removeprefix("/anthropic")
    if path not in {"/v1/messages", "/v1/messages/count_tokens"}:
        raise ApiError(404, get_error_type(404), "Not found")
    first_party = FirstParty(
        path,
        {**body, "model": model.id},
        version.decode("latin-1"),
        () if betas is None else (betas.decode("latin-1"),),
    )
    return await messages(first_party.build(request))
