"""What reaches Bedrock of a call in the Claude API's shape, and what comes back."""

import asyncio
import base64
import binascii
import gzip
import json
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from botocore.eventstream import EventStreamBuffer

from tanzaku.gateway.upstreams import UpstreamSettings, build_bedrock
from tanzaku.transport import (
    BrokenResponse,
    HeaderList,
    HttpClient,
    HttpRequest,
    HttpResponse,
    Upload,
    get_header,
    read_all,
)

HAIKU = "claude-haiku-4-5-20251001"
HAIKU_THERE = "anthropic.claude-haiku-4-5-20251001-v1:0"
FRAMES = (b"content-type", b"application/vnd.amazon.eventstream")
KEY = (b"authorization", b"Bearer bedrock-key")


@dataclass
class Cloud:
    """The far end: notes what came and answers as told."""

    answer: HttpResponse = field(default_factory=lambda: HttpResponse(200, [], b"{}"))
    requests: list[HttpRequest] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    async def send(self, request: HttpRequest, *, base_url: str) -> HttpResponse:
        self.requests.append(request)
        self.urls.append(base_url)
        return self.answer

    @property
    def request(self) -> HttpRequest:
        (request,) = self.requests
        return request


@dataclass
class Wire:
    """Bytes that come in pieces, and whether somebody left off."""

    pieces: list[bytes]
    is_closed: bool = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)

    async def aclose(self) -> None:
        self.is_closed = True


@dataclass
class Bench:
    cloud: Cloud
    settings: UpstreamSettings

    def send(
        self, body: bytes, *headers: tuple[bytes, bytes], path: str = "/v1/messages", **changes: str
    ) -> HttpResponse:
        async def play() -> HttpResponse:
            handler = build_bedrock(self.settings, cast("HttpClient", self.cloud))
            request = HttpRequest(changes.get("method", "POST"), path, [KEY, *headers], body)
            answer = await handler(request)
            answer.body = await read_all(answer)
            return answer

        return asyncio.run(play())


type Build = Callable[..., Bench]


@pytest.fixture
def build() -> Build:
    def build_bench(**settings: Any) -> Bench:
        given = {"region": "eu-west-1", "keys": ("bedrock-key",)} | settings
        return Bench(Cloud(), UpstreamSettings("aws", "bedrock", **given))

    return build_bench


def ask(**fields: Any) -> bytes:
    return json.dumps({"model": HAIKU, "max_tokens": 5, "messages": []} | fields).encode()


def encode_frame(payload: bytes, *headers: tuple[str, bytes]) -> bytes:
    """A frame by the AWS SDK reference alone; a header's value comes with its type byte."""
    lines = b"".join(struct.pack("B", len(name)) + name.encode() + value for name, value in headers)
    start = struct.pack(">II", 16 + len(lines) + len(payload), len(lines))
    start += struct.pack(">I", binascii.crc32(start))
    return start + lines + payload + struct.pack(">I", binascii.crc32(start + lines + payload))


def text(value: str) -> bytes:
    return b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()


def chunk(event: bytes) -> bytes:
    payload = {"bytes": base64.b64encode(event).decode(), "p": "abcdefgh"}
    return encode_frame(
        json.dumps(payload).encode(),
        (":event-type", text("chunk")),
        ("a-flag", b"\x00"),
        ("a-time", b"\x08" + bytes(8)),
        (":content-type", text("application/json")),
        (":message-type", text("event")),
    )


def exception(name: str, message: str) -> bytes:
    return encode_frame(
        json.dumps({"message": message}).encode(),
        (":exception-type", text(name)),
        (":message-type", text("exception")),
    )


# As the cloud spells them: spaces, an escape, a character beyond ASCII, a member of its own.
EVENTS = [
    b'{"type":"message_start","message":{"id":"msg_bdrk_1","usage":{"input_tokens":3}}}',
    b'{"type": "content_block_delta", "index": 0, "delta": {"type":"text_delta","text":"\\u4f60"}}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"短冊"}}'.encode(),
    b'{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3}}',
]
STREAM = b"".join(map(chunk, EVENTS))
SERVER_SENT = b"".join(
    b"event: %b\ndata: %b\n\n" % (json.loads(event)["type"].encode(), event) for event in EVENTS
)


def cut(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def test_model_and_stream_leave_the_body_and_every_other_value_keeps_its_bytes(
    build: Build,
) -> None:
    bench = build()
    body = (
        b'{ "model" : "claude-haiku-4-5" , "max_tokens": 5, "temperature":1.0, "stream": true,\n'
        b'"messages":[{"role":"user", "content":"\\u4f60 \xe7\x9f\xad","n":1e2}],"new_thing":[ {} ]}'
    )
    answer = bench.send(body, (b"anthropic-version", b"2023-06-01"))
    request = bench.cloud.request
    assert answer.status == 200
    assert bench.cloud.urls == ["https://bedrock-runtime.eu-west-1.amazonaws.com"]
    assert request.target == (
        "/model/global.anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke-with-response-stream"
    )
    assert json.loads(request.body) == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 5,
        "temperature": 1,
        "messages": [{"role": "user", "content": "你 短", "n": 100}],
        "new_thing": [{}],
    }
    for value in (
        b'"temperature":1.0',
        b'[{"role":"user", "content":"\\u4f60 \xe7\x9f\xad","n":1e2}]',
        b'"new_thing":[ {} ]',
    ):
        assert value in request.body


def test_betas_go_into_the_body_and_no_header_of_the_api_goes_along(build: Build) -> None:
    bench = build()
    bench.send(
        ask(anthropic_beta=["c", "a"]),
        (b"anthropic-beta", b"a, b"),
        (b"anthropic-beta", b"b"),
        (b"anthropic-version", b"2023-06-01"),
        (b"accept", b"text/event-stream"),
        (b"x-app", b"kept"),
    )
    request = bench.cloud.request
    assert json.loads(request.body)["anthropic_beta"] == ["a", "b", "c"]
    assert sorted(request.headers) == [
        (b"accept", b"application/json"),
        KEY,
        (b"content-type", b"application/json"),
        (b"x-app", b"kept"),
    ]
    assert request.target.endswith("/invoke")


def test_without_betas_the_body_has_none(build: Build) -> None:
    bench = build()
    bench.send(ask())
    assert "anthropic_beta" not in json.loads(bench.cloud.request.body)


@pytest.mark.parametrize(
    ("model", "asked", "fields", "version"),
    [
        (HAIKU, b"2026-10-21", {}, "bedrock-2023-05-31"),
        ("claude-haiku-5-5", b"2026-10-21", {}, "2026-10-21"),
        ("claude-opus-4-7", b"2026-10-21", {}, "2026-10-21"),
        ("claude-opus-4-6", b"2026-10-21", {}, "bedrock-2023-05-31"),
        ("claude-haiku-5-5", b"2023-06-01", {}, "bedrock-2023-05-31"),
        ("arn:aws:bedrock:eu-west-1:1:x/y", b"2026-10-21", {}, "bedrock-2023-05-31"),
        (HAIKU, b"2026-10-21", {"anthropic_version": "bedrock-2027"}, "bedrock-2027"),
    ],
)
def test_the_version_is_the_newest_that_bedrock_takes_for_the_model(
    build: Build, model: str, asked: bytes, fields: dict[str, str], version: str
) -> None:
    bench = build()
    bench.send(ask(model=model, **fields), (b"anthropic-version", asked))
    assert json.loads(bench.cloud.request.body)["anthropic_version"] == version


@pytest.mark.parametrize(
    ("settings", "asked", "there"),
    [
        ({}, "claude-haiku-4-5", f"global.{HAIKU_THERE}"),
        ({"profile": "us"}, HAIKU, f"us.{HAIKU_THERE}"),
        ({"profile": "us"}, f"eu.{HAIKU_THERE}", f"eu.{HAIKU_THERE}"),
        ({}, HAIKU_THERE, f"global.{HAIKU_THERE}"),
        ({}, "claude-haiku-4-5@20251001", f"global.{HAIKU_THERE}"),
        ({}, "claude-haiku-5-5", "global.anthropic.claude-haiku-5-5"),
        ({}, "arn:aws:bedrock:us-east-1:1:x/y", "arn:aws:bedrock:us-east-1:1:x/y"),
        ({"models": ((HAIKU, "arn:a/b"),)}, HAIKU, "arn:a/b"),
        ({"models": (("ours", f"jp.{HAIKU_THERE}"),)}, "ours", f"jp.{HAIKU_THERE}"),
    ],
)
def test_the_model_goes_by_the_name_that_bedrock_knows(
    build: Build, settings: dict[str, Any], asked: str, there: str
) -> None:
    bench = build(**settings)
    bench.send(ask(model=asked))
    escaped = there.replace(":", "%3A").replace("/", "%2F")
    assert bench.cloud.request.target == f"/model/{escaped}/invoke"


def test_the_messages_shaped_endpoint_gets_the_api_s_own_shape(build: Build) -> None:
    bench = build(endpoint="mantle", region="us-east-1")
    body = b'{"model":"claude-haiku-4-5", "stream":true,"max_tokens":5,"messages":[ ]}'
    bench.send(
        body,
        (b"anthropic-version", b"2026-10-21"),
        (b"anthropic-beta", b"a"),
        path="/v1/messages?beta=true",
    )
    request = bench.cloud.request
    assert bench.cloud.urls == ["https://bedrock-mantle.us-east-1.api.aws"]
    assert request.target == "/anthropic/v1/messages"
    assert json.loads(request.body) == json.loads(body) | {"model": "anthropic.claude-haiku-4-5"}
    assert b'"messages":[ ]' in request.body
    for line in ((b"anthropic-version", b"2026-10-21"), (b"anthropic-beta", b"a")):
        assert line in request.headers


@pytest.mark.parametrize("endpoint", ["runtime", "mantle"])
def test_a_model_nobody_knows_there_is_answered_with_the_way_out(
    build: Build, endpoint: str
) -> None:
    bench = build(endpoint=endpoint)
    answer = bench.send(ask(model="gpt-9"))
    assert answer.status == 404
    error = json.loads(cast("bytes", answer.body))["error"]
    assert error["type"] == "not_found_error"
    assert "model: gpt-9" in error["message"]
    assert "`models`: {gpt-9: <its id there>}" in error["message"]
    assert bench.cloud.requests == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1/files"),
        ("GET", "/v1/models"),
        ("GET", "/v1/messages"),
    ],
)
def test_what_bedrock_has_not_is_not_found(build: Build, method: str, path: str) -> None:
    bench = build()
    answers = [bench.send(ask(), path=path, method=method) for _ in range(2)]
    for answer in answers:
        body = json.loads(cast("bytes", answer.body))
        assert (answer.status, body["error"]["type"]) == (404, "not_found_error")
        assert f"Amazon Bedrock has no {method} {path}" in body["error"]["message"]
        assert get_header(answer.headers, b"request-id") == body["request_id"].encode()
    assert bench.cloud.requests == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not valid JSON"),
        (b"[]", "not valid JSON"),
        (b'{"model":"claude-haiku-4-5"} {}', "not valid JSON"),
        (b"\xff{}", "not valid JSON"),
        (b'{"max_tokens":5}', "model: Field required"),
        (b'{"model":7}', "model: Field required"),
    ],
)
def test_a_body_that_cannot_be_cut_open_is_refused(build: Build, body: bytes, says: str) -> None:
    bench = build()
    answer = bench.send(body)
    error = json.loads(cast("bytes", answer.body))["error"]
    assert (answer.status, error["type"]) == (400, "invalid_request_error")
    assert says in error["message"]
    assert bench.cloud.requests == []


@pytest.mark.parametrize(
    ("status", "name", "body", "expected"),
    [
        (429, "ThrottlingException", {"message": "slow"}, (429, "rate_limit_error", "slow")),
        (400, "ValidationException", {"message": "bad"}, (400, "invalid_request_error", "bad")),
        (403, "AccessDeniedException", {"Message": "no"}, (403, "permission_error", "no")),
        (403, "UnrecognizedClientException", {}, (401, "authentication_error", "unrecognized")),
        (403, "ExpiredTokenException", {"message": "x"}, (401, "authentication_error", "x")),
        (404, "ResourceNotFoundException", {"message": "x"}, (404, "not_found_error", "x")),
        (408, "ModelTimeoutException", {"message": "x"}, (504, "timeout_error", "x")),
        (424, "ModelErrorException", {"message": "x"}, (500, "api_error", "x")),
        (500, "InternalServerException:http://a/", {"message": "x"}, (500, "api_error", "x")),
        (503, "ServiceUnavailableException", {"message": "x"}, (529, "overloaded_error", "x")),
        (429, "ModelNotReadyException", {"message": "x"}, (529, "overloaded_error", "x")),
        (400, "ServiceQuotaExceededException", {"message": "x"}, (429, "rate_limit_error", "x")),
        (400, "", {"__type": "a.b#ThrottlingException", "message": "x"},
         (429, "rate_limit_error", "x")),
        (400, "ThrottlingException:http://a/", {"message": "x"}, (429, "rate_limit_error", "x")),
        (503, "", {"message": "x"}, (529, "overloaded_error", "x")),
        (503, "", "<html>busy</html>", (529, "overloaded_error", "busy")),
        (502, "", "", (502, "api_error", "HTTP 502")),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else None,
)  # fmt: skip
def test_an_error_of_aws_becomes_one_of_the_api_as_far_as_is_guessed(
    build: Build, status: int, name: str, body: Any, expected: tuple[int, str, str]
) -> None:
    bench = build()
    headers: HeaderList = [
        (b"content-type", b"application/json"),
        (b"content-length", b"999"),
        (b"x-amzn-requestid", b"aws-1"),
        (b"retry-after", b"7"),
    ]
    if name:
        headers.append((b"x-amzn-errortype", name.encode()))
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    bench.cloud.answer = HttpResponse(status, headers, raw)
    answer = bench.send(ask())
    told = json.loads(cast("bytes", answer.body))
    assert (answer.status, told["error"]["type"]) == expected[:2]
    assert expected[2] in told["error"]["message"]
    assert told["request_id"] == "aws-1"
    for line in (
        (b"x-amzn-requestid", b"aws-1"),
        (b"request-id", b"aws-1"),
        (b"retry-after", b"7"),
    ):
        assert line in answer.headers
    assert get_header(answer.headers, b"content-length") is None


def test_a_compressed_error_is_read_and_a_compressed_request_is_cut_open(build: Build) -> None:
    bench = build()
    headers = [(b"content-encoding", b"gzip"), (b"x-amzn-errortype", b"ThrottlingException")]
    bench.cloud.answer = HttpResponse(400, list(headers), gzip.compress(b'{"message":"slow"}'))
    answer = bench.send(gzip.compress(ask()), (b"content-encoding", b"gzip"))
    assert json.loads(cast("bytes", answer.body))["error"]["message"] == "slow"
    assert get_header(answer.headers, b"content-encoding") is None
    assert json.loads(bench.cloud.request.body)["max_tokens"] == 5
    assert get_header(bench.cloud.request.headers, b"content-encoding") is None
    answer = bench.send(b"no gzip", (b"content-encoding", b"gzip"))
    assert (answer.status, len(bench.cloud.requests)) == (400, 1)


def test_a_body_that_is_still_coming_in_is_waited_for(build: Build) -> None:
    bench = build()
    body = ask()

    async def play() -> None:
        handler = build_bedrock(bench.settings, cast("HttpClient", bench.cloud))
        upload = Upload(len(body), lambda _: None)
        upload.feed(body[:9])
        upload.feed(body[9:])
        upload.end()
        await handler(HttpRequest("POST", "/v1/messages", [KEY], b"", upload=upload))

    asyncio.run(play())
    assert json.loads(bench.cloud.request.body)["max_tokens"] == 5


def test_an_event_in_several_lines_becomes_one(build: Build) -> None:
    bench = build()
    spread = json.dumps({"type": "ping", "a": [1]}, indent=1).encode()
    bench.cloud.answer = HttpResponse(200, [FRAMES], chunk(spread))
    assert bench.send(ask(stream=True)).body == b'event: ping\ndata: {"type":"ping","a":[1]}\n\n'


def test_the_api_s_own_envelope_passes_untouched(build: Build) -> None:
    bench = build(endpoint="mantle")
    raw = b'{ "type":"error", "error":{"type":"overloaded_error","message":"Overloaded"} }'
    bench.cloud.answer = HttpResponse(529, [(b"content-length", b"%d" % len(raw))], raw)
    answer = bench.send(ask())
    assert (answer.status, answer.body) == (529, raw)


def test_a_whole_answer_passes_untouched_with_its_request_id(build: Build) -> None:
    bench = build()
    raw = b'{ "type":"message", "usage":{"input_tokens":3, "output_tokens":1} }'
    bench.cloud.answer = HttpResponse(200, [(b"x-amzn-requestid", b"aws-1")], raw)
    answer = bench.send(ask())
    assert answer.body == raw
    assert answer.headers == [(b"x-amzn-requestid", b"aws-1"), (b"request-id", b"aws-1")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 11, 12, 13, 100, 101, 257, len(STREAM) - 1, 10**6])
def test_frames_become_the_api_s_events_under_any_chunking(build: Build, size: int) -> None:
    bench = build()
    wire = Wire(cut(STREAM, size))
    headers = [FRAMES, (b"content-length", b"9"), (b"x-amzn-requestid", b"aws-1")]
    bench.cloud.answer = HttpResponse(200, headers, wire)
    answer = bench.send(ask(stream=True))
    assert answer.body == SERVER_SENT
    assert get_header(answer.headers, b"content-type") == b"text/event-stream; charset=utf-8"
    assert get_header(answer.headers, b"content-length") is None


def test_botocore_reads_the_same_events_out_of_these_frames(build: Build) -> None:
    bench = build()
    bench.cloud.answer = HttpResponse(200, [FRAMES], STREAM)
    lines = cast("bytes", bench.send(ask(stream=True)).body).split(b"\n")
    buffer = EventStreamBuffer()
    buffer.add_data(STREAM)
    read = [base64.b64decode(json.loads(event.payload)["bytes"]) for event in buffer]
    assert [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")] == read


def test_an_event_passes_before_the_next_one_has_come(build: Build) -> None:
    bench = build()
    pieces = [chunk(event) for event in EVENTS]
    wire = Wire(pieces)
    bench.cloud.answer = HttpResponse(200, [FRAMES], wire)

    async def play() -> None:
        handler = build_bedrock(bench.settings, cast("HttpClient", bench.cloud))
        answer = await handler(HttpRequest("POST", "/v1/messages", [KEY], ask(stream=True)))
        body = cast("AsyncIterator[bytes]", answer.body)
        for left in range(len(EVENTS) - 1, -1, -1):
            assert (await anext(body)).count(b"event: ") == 1
            assert len(pieces) == left
        await answer.body.aclose()  # type: ignore[union-attr]
        assert wire.is_closed

    asyncio.run(play())


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("throttlingException", 429, "rate_limit_error"),
        ("serviceUnavailableException", 529, "overloaded_error"),
        ("modelTimeoutException", 504, "timeout_error"),
        ("modelStreamErrorException", 500, "api_error"),
        ("internalServerException", 500, "api_error"),
        ("validationException", 400, "invalid_request_error"),
        ("somethingNewException", 500, "api_error"),
    ],
)
@pytest.mark.parametrize("size", [5, 10**6])
def test_a_failure_has_a_status_before_the_first_event_and_is_an_event_after_it(
    build: Build, name: str, status: int, kind: str, size: int
) -> None:
    bench = build()
    failure = exception(name, "told so")
    bench.cloud.answer = HttpResponse(200, [FRAMES], Wire(cut(failure, size)))
    answer = bench.send(ask(stream=True))
    error = json.loads(cast("bytes", answer.body))["error"]
    assert (answer.status, error["type"], error["message"]) == (status, kind, "told so")

    wire = Wire(cut(chunk(EVENTS[0]) + failure + chunk(EVENTS[1]), size))
    bench.cloud.answer = HttpResponse(200, [FRAMES, (b"x-amzn-requestid", b"aws-1")], wire)
    answer = bench.send(ask(stream=True))
    first, last = cast("bytes", answer.body).removesuffix(b"\n\n").split(b"\n\n")
    assert answer.status == 200
    assert first == SERVER_SENT.split(b"\n\n")[0]
    assert last.startswith(b"event: error\ndata: ")
    told = json.loads(last.partition(b"data: ")[2])
    assert (told["error"]["type"], told["error"]["message"]) == (kind, "told so")
    assert told["request_id"] == "aws-1"
    assert wire.is_closed


def test_an_error_frame_is_a_failure_too(build: Build) -> None:
    bench = build()
    frame = encode_frame(
        b"",
        (":message-type", text("error")),
        (":error-code", text("ThrottlingException")),
        (":error-message", text("slow")),
    )
    bench.cloud.answer = HttpResponse(200, [FRAMES], Wire([frame]))
    answer = bench.send(ask(stream=True))
    assert (answer.status, b"slow" in cast("bytes", answer.body)) == (429, True)


def test_frames_of_other_kinds_are_passed_over(build: Build) -> None:
    bench = build()
    other = encode_frame(b"{}", (":message-type", text("event")), (":event-type", text("hello")))
    bench.cloud.answer = HttpResponse(200, [FRAMES], Wire([other, STREAM, other]))
    assert bench.send(ask(stream=True)).body == SERVER_SENT


def damage(stream: bytes, at: int) -> bytes:
    return stream[:at] + bytes([stream[at] ^ 1]) + stream[at + 1 :]


FIRST = len(chunk(EVENTS[0]))
NOT_AN_EVENT = [
    encode_frame(payload, (":message-type", text("event")), (":event-type", text("chunk")))
    for payload in (b"", b"{}", b'{"bytes":"!"}', b'{"bytes":"W10="}', b'{"bytes":"e30="}')
]


@pytest.mark.parametrize(
    "second",
    [
        damage(chunk(EVENTS[1]), 0),
        damage(chunk(EVENTS[1]), 9),
        damage(chunk(EVENTS[1]), 40),
        damage(chunk(EVENTS[1]), len(chunk(EVENTS[1])) - 1),
        chunk(EVENTS[1])[:-1],
        b"HTTP/1.1 200 OK\r\n",
        *NOT_AN_EVENT,
    ],
    ids=["length", "prelude crc", "header", "crc", "cut", "no frame", *map(str, range(5))],
)
@pytest.mark.parametrize("size", [13, 10**6])
def test_a_broken_stream_breaks_after_the_events_before(
    build: Build, second: bytes, size: int
) -> None:
    bench = build()
    bench.cloud.answer = HttpResponse(200, [FRAMES], Wire(cut(second, size)))
    with pytest.raises(BrokenResponse):
        bench.send(ask(stream=True))

    wire = Wire(cut(chunk(EVENTS[0]) + second, size))
    bench.cloud.answer = HttpResponse(200, [FRAMES], wire)
    seen: list[bytes] = []

    async def play() -> None:
        handler = build_bedrock(bench.settings, cast("HttpClient", bench.cloud))
        answer = await handler(HttpRequest("POST", "/v1/messages", [KEY], ask(stream=True)))
        async for piece in cast("AsyncIterator[bytes]", answer.body):
            seen.append(piece)  # noqa: PERF401 - it breaks off

    with pytest.raises(BrokenResponse):
        asyncio.run(play())
    assert b"".join(seen) == SERVER_SENT[: SERVER_SENT.index(b"\n\n") + 2]
    assert wire.is_closed
