"""The handler that answers from a recording."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic_core import from_json

from tanzaku.core import Clock, UserError, derive_id
from tanzaku.exchange import NormalRequest, RecordedExchange, load_recording
from tanzaku.simulator._occurrences import Occurrences
from tanzaku.simulator._replies import Head, reply_error
from tanzaku.simulator.replay._miss import explain_miss
from tanzaku.simulator.replay._play import Pace, play
from tanzaku.simulator.replay._tapes import ReplayMode, Tapes
from tanzaku.transport import (
    BodyEncodingError,
    HttpRequest,
    HttpResponse,
    decode_body_aside,
    redact_json,
)
from tanzaku.wire import ApiError, get_error_type

_LOG = logging.getLogger(__name__)
_MAX_BODY_BYTES = 32 * 1024 * 1024
_ASIDE_BYTES = 256 * 1024
_MESSAGES = "POST /v1/messages"
_COUNT_TOKENS = "POST /v1/messages/count_tokens"
_MODELS = "GET /v1/models"


class Replay:
    """A transport `Handler` that answers from recorded exchanges: Messages, count_tokens, Models.

    A request is found again by its conversation, as `tanzaku.exchange.NormalRequest` sees it, after
    the redaction that the recording went through. `strict` takes the exact conversation only and
    plays each recording once; `lenient` also takes what was said last, and repeats the last
    recording of a request. Which one answered stands in `tanzaku-rule` (`replay/LINE`).

    What nothing answers, other endpoints included, is a 404 `not_found_error` whose message (logged
    too) names the nearest recording and where it departs; of a continued thread it carries the
    error code on which the SDK sends the whole conversation. No credential is asked for. `speed`
    is how much faster than recorded a stream comes (1.0: as recorded), None at once.
    """

    def __init__(
        self,
        exchanges: Sequence[RecordedExchange],
        *,
        name: str,
        clock: Clock,
        mode: ReplayMode = "lenient",
        speed: float | None = None,
    ) -> None:
        if speed is not None and not 0 < speed < float("inf"):
            raise UserError("The replay speed must be more than 0, not {speed}.", speed=speed)
        self._name = name
        self._clock = clock
        self._mode: ReplayMode = mode
        self._speed = speed
        self._exchanges = exchanges
        self._occurrences = Occurrences()
        self._tapes = Tapes(exchanges)

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        clock: Clock,
        mode: ReplayMode = "lenient",
        speed: float | None = None,
    ) -> Self:
        """Answer from the file `path`, read whole now. UserError when it cannot be read,
        RecordingError (with file and line) when it is no recording."""
        recording = load_recording(path)
        if recording.torn_line is not None:
            _LOG.warning("%s:%d: torn while it was written; left out", path, recording.torn_line)
        return cls(recording.exchanges, name=path.name, clock=clock, mode=mode, speed=speed)

    def rewind(self) -> None:
        """Start anew: no recording has been played."""
        self._occurrences = Occurrences()
        self._tapes = Tapes(self._exchanges)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """The recorded answer, or the error that says why there is none."""
        pace = Pace(self._clock, self._clock.monotonic(), self._speed)
        try:
            body = await decode_body_aside(request.headers, request.body, _MAX_BODY_BYTES)
            if len(body) < _ASIDE_BYTES:
                asked, is_stream = _read(request, body)
            else:
                asked, is_stream = await asyncio.to_thread(_read, request, body)
        except BodyEncodingError as error:
            return self._refuse(ApiError.invalid_request(str(error)), "body", "replay/miss")
        tape = self._tapes.take(asked, self._mode) if _is_replayed(asked.endpoint) else None
        if tape is None:
            return self._refuse(self._miss(asked), asked.exact, "replay/miss")
        as_stream = is_stream and asked.endpoint == _MESSAGES
        try:
            return await play(tape, asked.tool_ids, pace, as_stream=as_stream)
        except ApiError as error:
            return self._refuse(error, asked.exact, f"replay/{tape.exchange.line}")

    def _miss(self, asked: NormalRequest) -> ApiError:
        if _is_replayed(asked.endpoint):
            why = explain_miss(self._tapes, asked, self._name, self._mode)
        else:
            why = (
                f"Replay: {asked.endpoint} is not replayed; Messages, count_tokens and Models are."
            )
        _LOG.warning("%s", why)
        code = "thread_not_found" if "thread" in asked.document else None
        return ApiError(404, get_error_type(404), why, error_code=code)

    def _refuse(self, error: ApiError, key: str, rule: str) -> HttpResponse:
        raw = key.encode()
        request_id = derive_id("req", "replay", raw, self._occurrences.next(raw))
        return reply_error(error, Head(request_id, rule))


def _is_replayed(endpoint: str) -> bool:
    return endpoint in (_MESSAGES, _COUNT_TOKENS, _MODELS) or endpoint.startswith(f"{_MODELS}/")


def _read(request: HttpRequest, body: bytes) -> tuple[NormalRequest, bool]:
    """The request as matching sees it, and whether it asks for a stream."""
    value: Any = None
    if body:
        try:
            value = from_json(body, allow_inf_nan=False)
        except ValueError:
            value = body.decode("utf-8", "replace")
    is_stream = isinstance(value, dict) and value.get("stream") is True
    target = redact_json(request.target)
    return NormalRequest(request.method, target, redact_json(value)), is_stream
