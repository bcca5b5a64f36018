"""Streams: their order, their events, their pace, and whether they say what the whole answer says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from tanzaku.core.plain_yaml import Entry
from tanzaku.transport import HttpRequest
from tanzaku.workbench.assertions._compare import MISSING, read_comparison, read_ops
from tanzaku.workbench.assertions._finding import (
    CannotJudge,
    Check,
    Finding,
    Look,
    Sight,
    fails,
    passes,
)
from tanzaku.workbench.assertions._kind import Kind, compared, looked
from tanzaku.workbench.assertions._numbers import NON_NEGATIVE, is_equal
from tanzaku.workbench.assertions._ops import NUMBER, TEXT
from tanzaku.workbench.sending import Reply

_FIGURE: Final = replace(NUMBER, span=NON_NEGATIVE)
_ERROR: Final = replace(TEXT, may_lack=True)
_COMPARED: Final = ("model", "content", "stop_reason", "stop_sequence")
_PER_CALL: Final = frozenset({"id", "signature", "tool_use_id"})


def _need_stream(sight: Sight) -> Reply:
    reply = sight.reply
    if not reply.is_stream:
        raise CannotJudge("the answer is no stream")
    return reply


def _read_order_valid(entry: Entry) -> Look:
    wanted = entry.as_bool()

    def look(sight: Sight) -> Finding:
        reply = _need_stream(sight)
        problem = reply.problem or reply.stream_problem
        if problem is None and reply.read.error is not None:
            problem = str(reply.read.error)
        if problem is None and reply.message is None:
            raise CannotJudge("the stream is none of the Claude API's")
        if (problem is None) is wanted:
            return passes(problem or True, expected=wanted)
        if problem is None:
            return fails("the stream is in order", actual=True, expected=False)
        return fails("the stream is out of order: {reason}", actual=problem, reason=problem)

    return look


def _read_count(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    name = None
    op = None
    if entry.kind == "mapping":
        fields = dict(entry.as_fields([*_FIGURE.known, "type"]))
        if "type" in fields:
            name = fields.pop("type").as_text()
        op = read_ops(entry, fields, _FIGURE)
    compare = op or read_comparison(entry, _FIGURE)

    def look(sight: Sight) -> Finding:
        _need_stream(sight)
        names = [event for _, event, _ in sight.whole.events]
        wanted = [one for one in names if (one != "ping" if name is None else one == name)]
        return compare(len(wanted), sight)

    return Check(look)


def _find_error_type(sight: Sight) -> Any:
    reply = _need_stream(sight)
    error = reply.read.error
    if error is None and reply.problem is not None:
        raise CannotJudge("the answer broke off: {reason}", reason=reply.problem)
    return MISSING if error is None else error.error_type


def _read_error(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    if entry.kind == "boolean":
        entry = Entry(entry.key, entry.place, entry.name_place, {"exists": entry})
    op = read_comparison(entry, _ERROR)
    return Check(lambda sight: op(_find_error_type(sight), sight))


def _find_ttft(sight: Sight) -> float:
    ttft = _need_stream(sight).ttft_ms
    if ttft is None:
        raise CannotJudge("no byte of a body came")
    return ttft


def _find_gap(sight: Sight) -> float:
    _need_stream(sight)
    gap = sight.whole.max_gap_ms
    if gap is None:
        raise CannotJudge("fewer than two events came")
    return gap


def _find_pace(sight: Sight) -> float:
    _need_stream(sight)
    pace = sight.whole.tokens_per_s
    if pace is None:
        raise CannotJudge("the stream has no usage, or all of it came at once")
    return pace


def _ask_other_way(sight: Sight) -> Sequence[HttpRequest]:
    """The final request again, unstreamed if it was streamed and the other way round."""
    if not sight.subject.requests:
        raise CannotJudge("no request was sent")
    request = sight.subject.requests[-1]
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise CannotJudge("the request's body is no JSON object")
    if body.pop("stream", False) is not True:
        body["stream"] = True
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return [replace(request, body=raw)]


def _read_equals_whole(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    wanted = entry.as_bool()

    def look(sight: Sight) -> Finding:
        if not sight.answers:
            raise CannotJudge("the same request was not sent the other way, streamed or whole")
        other = sight.only(sight.answers[0])
        if other.reply.is_stream is sight.reply.is_stream:
            raise CannotJudge("both answers came in the same way")
        mine, its = (
            strip({key: one[key] for key in _COMPARED if key in one})
            for one in (sight.message, other.message)
        )
        different = [key for key in _COMPARED if not is_equal(mine.get(key), its.get(key))]
        if (not different) is wanted:
            return passes(not different, expected=wanted)
        if not different:
            return fails("both answers are the same", actual=True, expected=False)
        return fails(
            "streamed and whole differ in {names}: {actual}, not {expected}",
            actual=mine[different[0]],
            expected=its[different[0]],
            names=", ".join(different),
        )

    return Check(look, _ask_other_way, frozenset({"repeat"}))


def strip(value: Any) -> Any:
    """A value without what is new in each answer: ids and signatures."""
    if isinstance(value, dict):
        return {key: strip(one) for key, one in value.items() if key not in _PER_CALL}
    return [strip(one) for one in value] if isinstance(value, list) else value


STREAM_KINDS: Final = {
    "stream.order_valid": looked(_read_order_valid),
    "stream.equals_nonstream": Kind(_read_equals_whole),
    "stream.error": Kind(_read_error),
    "events.count": Kind(_read_count),
    "ttft_ms": compared(_find_ttft, _FIGURE),
    "max_gap_ms": compared(_find_gap, _FIGURE),
    "tokens_per_s": compared(_find_pace, _FIGURE),
}
