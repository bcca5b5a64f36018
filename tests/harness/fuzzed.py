"""Sending generated requests to a simulator and judging every answer by the official SDK's types."""

import asyncio
import base64
import json
from typing import Any, Self

from anthropic._streaming import SSEDecoder
from anthropic.types import (
    DeletedFile,
    ErrorResponse,
    FileMetadata,
    Message,
    MessageTokensCount,
    ModelInfo,
    RawMessageStreamEvent,
)
from anthropic.types.beta import (
    BetaDeletedFile,
    BetaFileMetadata,
    BetaMessage,
    BetaRawMessageStreamEvent,
)
from anthropic.types.messages import (
    DeletedMessageBatch,
    MessageBatch,
    MessageBatchIndividualResponse,
)
from botocore.eventstream import EventStreamBuffer
from pydantic import TypeAdapter

from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator
from tanzaku.transport import HeaderList, HttpRequest, get_header, read_all
from tanzaku.wire import MessageAssembler

KEY = [(b"x-api-key", b"k"), (b"anthropic-version", b"2026-10-21")]
_NOW = 1_795_000_000.0
_HANG_S = 30

_EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
_BETA_EVENTS: TypeAdapter[Any] = TypeAdapter(BetaRawMessageStreamEvent)


class Fuzz:
    """Sends requests, judges the answers, and counts both."""

    def __init__(self) -> None:
        self.sent = 0
        self.answered = 0
        self._runner = asyncio.Runner()
        self._start()

    def _start(self) -> None:
        self.clock = VirtualClock(_NOW)
        self.simulator = Simulator(clock=self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self.simulator.close())
        self._runner.close()

    def restart(self) -> None:
        """Go on with a simulator that has seen nothing yet."""
        self._runner.run(self.simulator.close())
        self._start()

    def send(
        self, method: str, target: str, body: bytes = b"", headers: HeaderList = KEY
    ) -> tuple[int, bytes]:
        request = HttpRequest(method, target, list(headers), body)
        try:
            return self._runner.run(self._send(request))
        except Exception as error:
            error.add_note(f"{method} {target} {headers} {body[:4000]!r}")
            raise

    def post(self, path: str, body: Any, headers: HeaderList = KEY) -> tuple[int, bytes]:
        return self.send("POST", path, json.dumps(body).encode(), headers)

    async def _send(self, request: HttpRequest) -> tuple[int, bytes]:
        async with asyncio.timeout(_HANG_S):
            response = await self.simulator(request)
            body = await read_all(response)
        self.sent += 1
        assert response.status < 500, (response.status, body)
        if response.status == 200:
            self.answered += 1
            check_answer(request, response.headers, body)
        else:
            check_error(request.path, response.status, response.headers, body)
        return response.status, body


def check_error(path: str, status: int, headers: HeaderList, body: bytes) -> None:
    told = json.loads(body)
    if get_header(headers, b"x-amzn-errortype"):
        assert path.startswith(("/model/", "/anthropic/"))
        assert isinstance(told["message"], str)
        assert get_header(headers, b"x-amzn-requestid")
    elif path.startswith("/v1/projects/") and "type" not in told:
        assert told["error"]["code"] == status
        assert isinstance(told["error"]["message"], str)
    else:
        assert status >= 400
        ErrorResponse.model_validate(told)
        assert told["type"] == "error"
        assert told["error"]["message"]
        assert told["request_id"].startswith("req_")
        assert get_header(headers, b"request-id") == told["request_id"].encode()


def check_answer(request: HttpRequest, headers: HeaderList, body: bytes) -> None:
    """Hold an answer against the SDK's type for what was asked."""
    is_beta = get_header(request.headers, b"anthropic-beta") is not None
    kind = (get_header(headers, b"content-type") or b"").partition(b";")[0]
    method, path = request.method, request.path
    is_file = path.startswith("/v1/files")
    if path.endswith("/content"):
        return
    if kind == b"text/event-stream":
        check_events(
            [json.loads(one.data) for one in SSEDecoder().iter_bytes(iter([body]))], is_beta
        )
    elif kind == b"application/vnd.amazon.eventstream":
        check_events(read_aws_events(body), is_beta)
    elif kind == b"application/x-jsonl":
        for line in body.splitlines():
            MessageBatchIndividualResponse.model_validate_json(line)
    elif path.endswith(("/count_tokens", "/count-tokens:rawPredict")):
        MessageTokensCount.model_validate_json(body)
    elif is_file or path.startswith(("/v1/messages/batches", "/v1/models")):
        one: Any = ModelInfo
        if is_file:
            one = BetaFileMetadata if is_beta else FileMetadata
        elif "batches" in path:
            one = MessageBatch
        if method == "DELETE":
            one = (BetaDeletedFile if is_beta else DeletedFile) if is_file else DeletedMessageBatch
        told = json.loads(body)
        for each in told.get("data", [told]):
            one.model_validate(each)
    else:
        (BetaMessage if is_beta else Message).model_validate_json(body)


def check_events(events: list[dict[str, Any]], is_beta: bool) -> None:
    assembler = MessageAssembler()
    for event in events:
        if event["type"] != "ping":
            (_BETA_EVENTS if is_beta else _EVENTS).validate_python(event)
        assembler.feed(event)
    assert assembler.is_complete
    (BetaMessage if is_beta else Message).model_validate(assembler.message)


def read_aws_events(body: bytes) -> list[dict[str, Any]]:
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    chunks = [json.loads(frame.payload)["bytes"] for frame in buffer]
    return [json.loads(base64.b64decode(chunk)) for chunk in chunks]
