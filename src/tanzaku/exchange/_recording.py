"""The recording format: exchanges as lines of JSON that people read, edit and commit.

The first line is `{"tanzaku_recording": 1, ...}`, every other line one exchange in the order they
ended. Schema: docs/schemas/recording.schema.json.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Never, cast

from tanzaku.core import VERSION, UserError
from tanzaku.exchange._json import format_time
from tanzaku.exchange._matching import NormalRequest
from tanzaku.exchange.errors import RecordingError

FORMAT_VERSION = 1

type Headers = list[tuple[str, str]]
type Cut = Literal["client", "upstream"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a stream: `event` is its JSON object; a text is the frame as it stood, where it
    holds no event. `ms` counts from the request on; None where nobody took the time."""

    ms: float | None
    event: dict[str, Any] | str


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """`target` is path and query; `body` a JSON value, None for none, a text where it is no JSON."""

    method: str
    target: str
    headers: Headers
    body: Any


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """`content` is the JSON body, the frames of a stream, or the text of what is neither."""

    status: int
    headers: Headers
    kind: Literal["body", "events", "text"]
    content: Any

    @property
    def frames(self) -> list[Frame]:
        """The frames of a stream; none of anything else."""
        return self.content if self.kind == "events" else []


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """One line. `at` is Unix seconds when the request went out to `upstream`, `ttft_ms` and
    `total_ms` count from there. `cut` says which side left before the answer ended. `line` is where
    it stands in its file, 0 while it stands in none.
    """

    at: float
    upstream: str
    request: RecordedRequest
    response: RecordedResponse
    ttft_ms: float | None = None
    total_ms: float | None = None
    usage: dict[str, Any] | None = None
    cut: Cut | None = None
    line: int = 0
    keys: Mapping[str, Any] = field(default_factory=dict)
    """`exact` and `anchor` as the line has them; they are written anew from the request."""

    def normalise(self) -> NormalRequest:
        """The request as matching sees it."""
        request = self.request
        return NormalRequest(request.method, request.target, request.body)


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole file. `torn_line` is the number of a last line that was cut off while it was
    written, and is left out."""

    name: str
    exchanges: list[RecordedExchange]
    torn_line: int | None = None


def encode_recording_header(now: float) -> bytes:
    """The first line of a recording begun at `now`, Unix seconds."""
    return _dump(
        {
            "tanzaku_recording": FORMAT_VERSION,
            "created_at": format_time(now),
            "created_by": f"tanzaku {VERSION}",
        }
    )


def encode_exchange(exchange: RecordedExchange) -> bytes:
    """One line, its line break included. What is None is left out."""
    request, response = exchange.request, exchange.response
    normal = exchange.normalise()
    content = response.content
    if response.kind == "events":
        content = [[frame.ms, frame.event] for frame in response.frames]
    line = {
        "at": format_time(exchange.at),
        "upstream": exchange.upstream,
        "keys": {"exact": normal.exact, "anchor": normal.anchor},
        "cut": exchange.cut,
        "request": {
            "method": request.method,
            "target": request.target,
            "headers": request.headers,
            "body": request.body,
        },
        "response": {
            "status": response.status,
            "headers": response.headers,
            response.kind: content,
        },
        "usage": exchange.usage,
        "ttft_ms": exchange.ttft_ms,
        "total_ms": exchange.total_ms,
    }
    return _dump({name: value for name, value in line.items() if value is not None})


def load_recording(path: Path) -> Recording:
    """The recording in the file `path`, read whole. UserError when it cannot be read, RecordingError
    as `decode_recording`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            "The recording {path} cannot be read: {reason}",
            hint="`tanzaku serve --record FILE` makes one.",
            path=path,
            reason=error.strerror,
        ) from error
    return decode_recording(data, str(path))


def decode_recording(data: bytes, name: str) -> Recording:
    """The recording in `data`, the content of the file `name`.

    A last line without its line break that is no JSON was cut off by a crash and is left out. All
    else that is wrong is RecordingError with `name:line`.
    """
    *lines, rest = data.split(b"\n")
    torn_line: int | None = None
    if rest:
        lines.append(rest)
        if len(lines) > 1 and _parse_or_none(rest) is None:
            lines.pop()
            torn_line = len(lines) + 1
    _check_header(lines[0] if lines else b"", name)
    exchanges = [
        _Reader(f"{name}:{at}", at).read(line)
        for at, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]
    return Recording(name, exchanges, torn_line)


def _check_header(line: bytes, name: str) -> None:
    header = _parse_or_none(line)
    if not isinstance(header, dict) or "tanzaku_recording" not in header:
        raise RecordingError(
            "{place}: this is no recording.",
            hint="The first line of one holds the key `tanzaku_recording`.",
            place=f"{name}:1",
        )
    if header["tanzaku_recording"] != FORMAT_VERSION:
        raise RecordingError(
            "{place}: format {found} is not known, only {version}.",
            hint="A newer Tanzaku may have written it.",
            place=f"{name}:1",
            found=json.dumps(header["tanzaku_recording"]),
            version=FORMAT_VERSION,
        )


class _Reader:
    """Reads one line; every complaint names its place and the field."""

    def __init__(self, place: str, line: int) -> None:
        self._place = place
        self._line = line

    def read(self, text: bytes) -> RecordedExchange:
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
            if b"\\u" in text:
                json.dumps(value, ensure_ascii=False).encode()  # half a character, ValueError
        except (ValueError, RecursionError) as error:
            raise RecordingError(
                "{place}: this line is no JSON: {reason}", place=self._place, reason=error
            ) from error
        if not isinstance(value, dict):
            raise self._refuse("line", "{…}")
        return RecordedExchange(
            at=self._read_time(value),
            upstream=self._read(value, "upstream", str, '"…"'),
            request=self._read_request(self._read(value, "request", dict, "{…}")),
            response=self._read_response(self._read(value, "response", dict, "{…}")),
            ttft_ms=self._read_ms(value.get("ttft_ms"), "ttft_ms"),
            total_ms=self._read_ms(value.get("total_ms"), "total_ms"),
            usage=self._read_maybe(value, "usage"),
            cut=self._read_cut(value.get("cut")),
            line=self._line,
            keys=self._read_maybe(value, "keys") or {},
        )

    def _read_request(self, value: dict[str, Any]) -> RecordedRequest:
        return RecordedRequest(
            self._read(value, "request.method", str, '"…"'),
            self._read(value, "request.target", str, '"…"'),
            self._read_headers(value, "request.headers"),
            value.get("body"),
        )

    def _read_response(self, value: dict[str, Any]) -> RecordedResponse:
        status = self._read(value, "response.status", int, "100…599")
        if isinstance(status, bool) or not 100 <= status <= 599:
            raise self._refuse("response.status", "100…599")
        headers = self._read_headers(value, "response.headers")
        match [kind for kind in ("body", "events", "text") if kind in value]:
            case ["body"]:
                return RecordedResponse(status, headers, "body", value["body"])
            case ["events"]:
                return RecordedResponse(status, headers, "events", self._read_frames(value))
            case ["text"]:
                text = self._read(value, "response.text", str, '"…"')
                return RecordedResponse(status, headers, "text", text)
            case _:
                raise self._refuse("response", '{"body": …} | {"events": […]} | {"text": "…"}')

    def _read_frames(self, value: dict[str, Any]) -> list[Frame]:
        frames: list[Frame] = []
        earlier = 0.0
        for at, item in enumerate(self._read(value, "response.events", list, "[…]")):
            field = f"response.events[{at}]"
            match item:
                case [ms, dict() | str() as event]:
                    taken = self._read_ms(ms, f"{field}[0]")
                case _:
                    raise self._refuse(field, '[12.5, {"type": "…"}]')
            if isinstance(event, dict) and not isinstance(event.get("type"), str):
                raise self._refuse(f"{field}[1].type", '"…"')
            if taken is not None:
                if taken < earlier:
                    raise self._refuse(f"{field}[0]", f">= {earlier}")
                earlier = taken
            frames.append(Frame(taken, event))
        return frames

    def _read_headers(self, value: dict[str, Any], field: str) -> Headers:
        headers: Headers = []
        for item in self._read(value, field, list, "[…]"):
            match item:
                case [str() as name, str() as text] if _fits_a_line(name + text):
                    headers.append((name, text))
                case _:
                    raise self._refuse(field, '[["name", "value"], …]')
        return headers

    def _read_time(self, value: dict[str, Any]) -> float:
        try:
            moment = datetime.fromisoformat(
                self._read(value, "at", str, "2026-01-01T00:00:00.000Z")
            )
        except ValueError:
            raise self._refuse("at", "2026-01-01T00:00:00.000Z") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def _read_ms(self, value: Any, field: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self._refuse(field, "12.5")
        return float(value)

    def _read_cut(self, value: Any) -> Cut | None:
        match value:
            case None | "client" | "upstream":
                return cast("Cut | None", value)
            case _:
                raise self._refuse("cut", '"client" | "upstream"')

    def _read_maybe(self, value: dict[str, Any], field: str) -> dict[str, Any] | None:
        return self._read(value, field, dict, "{…}") if value.get(field) else None

    def _read[T](self, value: dict[str, Any], field: str, kind: type[T], example: str) -> T:
        found = value.get(field.rpartition(".")[2])
        if not isinstance(found, kind):
            raise self._refuse(field, example)
        return found

    def _refuse(self, field: str, example: str) -> RecordingError:
        return RecordingError(
            "{place}: `{field}` must look like {example}.",
            place=self._place,
            field=field,
            example=example,
        )


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _parse_or_none(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


def _fits_a_line(text: str) -> bool:
    return all(" " <= char <= "\xff" and char != "\x7f" for char in text)
