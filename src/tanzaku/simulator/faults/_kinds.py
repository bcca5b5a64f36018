"""The kinds of faults: what each does, and what can be set of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tanzaku.simulator.faults._statuses import REFUSALS, Refusal
from tanzaku.simulator.faults._transforms import (
    Transformation,
    break_at_the_end,
    break_off,
    compress,
    compress_half,
    drop,
    duplicate,
    end_early,
    fail_midway,
    malform,
    pass_rest,
    reorder,
    stall,
    truncate,
)
from tanzaku.transport import ConnectionBreak
from tanzaku.wire import ERROR_STATUSES, RETRY_AFTER, SHOULD_RETRY, ApiError, get_error_type

type Setting = str | int | float | bool | None
type Settings = Mapping[str, Setting]
type Group = Literal["status", "connection", "time", "stream", "body"]
type Scope = Literal["any", "stream", "json"]


@dataclass(frozen=True, slots=True)
class Refuse:
    """An error in the upstream's place."""

    error: ApiError


@dataclass(frozen=True, slots=True)
class Break:
    """No answer: the connection breaks once the request is read, or (`is_early`) before."""

    kind: ConnectionBreak
    is_early: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """The upstream's answer, so many seconds later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Alter:
    """The upstream's answer with another body or other headers.

    `transform` gets whether the answer is an event stream, and its request id; `headers` replace
    those of the same name.
    """

    transform: Callable[[bool, str], Transformation]
    headers: tuple[tuple[bytes, bytes], ...] = ()


type Action = Refuse | Break | Delay | Alter
type Build = Callable[[Mapping[str, Any]], Action]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What can be set of a fault: its type, default and, for numbers, range (both included)."""

    type: Literal["integer", "number", "text", "boolean"]
    default: Setting = None
    least: float = 0
    most: float = 0
    may_be_none: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. `scope` is the answers it can happen to: a fault of scope `stream` waits
    for an event stream, one of scope `json` for a whole answer. `status` is what one of the API's
    own errors answers with."""

    name: str
    group: Group
    build: Build
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    scope: Scope = "any"
    status: int | None = None


_LONGEST_S = 86_400
_AFTER = {"after": Parameter("integer", 3, 0, 100_000)}
_COUNT = {"count": Parameter("integer", 1, 1, 100_000)}
_SECONDS = {"seconds": Parameter("number", 30.0, 0, _LONGEST_S)}
_GZIP = ((b"content-encoding", b"gzip"),)


def _status_kinds() -> Iterator[Kind]:
    for name, refusal in REFUSALS.items():
        build, parameters = _refuse_with(refusal.status), _refusal_parameters(refusal)
        yield Kind(name, "status", build, parameters, status=refusal.status)
    free = _refusal_parameters(Refusal(500, "The request failed."))
    status = {"status": Parameter("integer", 500, 400, 599)}
    yield Kind("status", "status", _refuse, status | free | {"error_type": Parameter("text")})


def _refusal_parameters(refusal: Refusal) -> dict[str, Parameter]:
    return {
        "message": Parameter("text", refusal.message),
        "error_type": Parameter("text", get_error_type(refusal.status)),
        "error_code": Parameter("text", refusal.error_code, may_be_none=True),
        "retry_after": Parameter("integer", refusal.retry_after_s, 0, _LONGEST_S, True),
        "should_retry": Parameter("boolean"),
    }


def _refuse_with(status: int) -> Build:
    return lambda settings: _refuse({"status": status, **settings})


def _refuse(settings: Mapping[str, Any]) -> Refuse:
    status, wait, should_retry = (settings[k] for k in ("status", "retry_after", "should_retry"))
    headers: list[tuple[bytes, bytes]] = []
    if wait is not None:
        headers.append((RETRY_AFTER, b"%d" % wait))
    if should_retry is not None:
        headers.append((SHOULD_RETRY, b"true" if should_retry else b"false"))
    error = ApiError(
        status,
        settings["error_type"] or get_error_type(status),
        settings["message"],
        error_code=settings["error_code"],
        headers=tuple(headers),
    )
    return Refuse(error)


def _connection_kinds() -> Iterator[Kind]:
    yield Kind("refused", "connection", lambda _: Break("reset", is_early=True))
    yield Kind("reset", "connection", lambda _: Break("reset"))
    yield Kind("closed", "connection", lambda _: Break("close"))
    yield Kind("reset-midway", "connection", _break_midway("reset"), _AFTER)
    yield Kind("cut", "connection", _break_midway("close"), _AFTER)
    yield Kind("half-closed", "connection", _break_midway("half_close"), _AFTER)
    yield Kind("cut-at-end", "connection", lambda _: Alter(lambda *_: break_at_the_end("close")))


def _break_midway(kind: ConnectionBreak) -> Build:
    return lambda settings: Alter(
        lambda is_stream, _: break_off(_read_after(settings, is_stream=is_stream), kind)
    )


def _read_after(settings: Mapping[str, Any], *, is_stream: bool) -> int:
    """Frames that pass first: of a body that is no stream, and so has two, one at most."""
    after: int = settings["after"]
    return after if is_stream else min(after, 1)


def _time_kinds() -> Iterator[Kind]:
    yield Kind("slow-headers", "time", lambda settings: Delay(settings["seconds"]), _SECONDS)
    yield Kind("stall", "time", _stall, _AFTER | _SECONDS)


def _stall(settings: Mapping[str, Any]) -> Alter:
    return Alter(
        lambda is_stream, _: stall(_read_after(settings, is_stream=is_stream), settings["seconds"])
    )


def _stream_kinds() -> Iterator[Kind]:
    error = {
        "error_type": Parameter("text", "overloaded_error"),
        "message": Parameter("text", "Overloaded"),
    }
    yield Kind("error-event", "stream", _fail_midway, _AFTER | error, "stream")
    yield Kind("missing-stop", "stream", _alter(end_early, "after"), _AFTER, "stream")
    for name, transform in (("dropped-events", drop), ("duplicated-events", duplicate)):
        build = _alter(transform, "after", "count")
        yield Kind(name, "stream", build, _AFTER | _COUNT, "stream")
    yield Kind("reordered-events", "stream", _alter(reorder, "after"), _AFTER, "stream")
    yield Kind("malformed-sse", "stream", _alter(malform, "after"), _AFTER, "stream")
    yield Kind("truncated-sse", "stream", _alter(truncate, "after"), _AFTER, "stream")


def _alter(transform: Callable[..., Transformation], *names: str) -> Build:
    """Apply `transform` to the settings of these names."""
    return lambda settings: Alter(lambda *_: transform(*(settings[name] for name in names)))


def _fail_midway(settings: Mapping[str, Any]) -> Alter:
    error_type = settings["error_type"]
    error = ApiError(ERROR_STATUSES.get(error_type, 500), error_type, settings["message"])
    return Alter(lambda _, request_id: fail_midway(settings["after"], error, request_id))


def _body_kinds() -> Iterator[Kind]:
    yield Kind("truncated-json", "body", lambda _: Alter(lambda *_: end_early(1)), scope="json")
    yield Kind("malformed-json", "body", lambda _: Alter(lambda *_: malform(0)), scope="json")
    content_type = {"content_type": Parameter("text", "text/html; charset=utf-8")}
    yield Kind("wrong-content-type", "body", _retype, content_type)
    yield Kind("gzip", "body", lambda _: Alter(lambda *_: compress(), _GZIP))
    yield Kind("truncated-gzip", "body", lambda _: Alter(lambda *_: compress_half(), _GZIP))


def _retype(settings: Mapping[str, Any]) -> Alter:
    content_type = settings["content_type"].encode("latin-1", "replace")
    return Alter(lambda *_: pass_rest(), ((b"content-type", content_type),))


KINDS = {
    kind.name: kind
    for kind in (
        *_status_kinds(),
        *_connection_kinds(),
        *_time_kinds(),
        *_stream_kinds(),
        *_body_kinds(),
    )
}
"""Name → kind, in the order `tanzaku faults list` shows them."""


def build_action(kind: Kind, settings: Settings) -> Action:
    """What a fault of `kind` does, with its defaults where `settings` says nothing."""
    defaults = {name: parameter.default for name, parameter in kind.parameters.items()}
    return kind.build({**defaults, **settings})
