"""Status, headers, times, errors."""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.wire import REQUEST_ID, RETRY_AFTER
from tanzaku.workbench.assertions._compare import MISSING, read_comparison
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
from tanzaku.workbench.assertions._logic import join_all
from tanzaku.workbench.assertions._numbers import NON_NEGATIVE, Span
from tanzaku.workbench.assertions._ops import NUMBER, TEXT, need_some

_STATUSES: Final = Span(Decimal(100), Decimal(599))
_STATUS: Final = replace(NUMBER, span=_STATUSES)
_CLASS: Final = re.compile(r"[1-5]xx")
_HEADER: Final = replace(TEXT, may_lack=True)
_SECONDS: Final = replace(NUMBER, span=NON_NEGATIVE, may_lack=True)
_MILLISECONDS: Final = replace(NUMBER, span=NON_NEGATIVE)


def _read_status(entry: Entry) -> Look:
    if entry.kind == "mapping":
        op = read_comparison(entry, _STATUS)
        return lambda sight: op(sight.reply.status, sight)
    one_of = need_some(entry).as_list() if entry.kind == "list" else [entry]
    allowed = {status for one in one_of for status in _list_statuses(one)}
    wanted = entry.plain

    def look(sight: Sight) -> Finding:
        status = sight.reply.status
        if status in allowed:
            return passes(status, expected=wanted)
        return fails("the status is {actual}, not {expected}", actual=status, expected=wanted)

    return look


def _list_statuses(entry: Entry) -> range:
    if isinstance(entry.content, str) and _CLASS.fullmatch(entry.content):
        first = int(entry.content[0]) * 100
        return range(first, first + 100)
    if entry.kind == "integer":
        status = entry.as_integer(100, 599)
        return range(status, status + 1)
    raise InputFileError(
        "{place}: `{key}` must be a status like 200 or a class like 4xx; found {found}.",
        place=entry.place,
        key=entry.key,
        found=entry.found,
    )


def _read_header(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    wanted = need_some(entry).as_mapping()
    ops = {name.lower(): read_comparison(one, _HEADER) for name, one in wanted.items()}

    def look(sight: Sight) -> Finding:
        headers = sight.reply.headers
        return join_all(
            [replace(op(headers.get(name, MISSING), sight), path=name) for name, op in ops.items()]
        )

    return Check(look)


def _read_request_id(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    if entry.kind == "boolean":
        fields = {"exists": replace(entry)}
        entry = Entry(entry.key, entry.place, entry.name_place, fields)
    op = read_comparison(entry, _HEADER)
    name = REQUEST_ID.decode()
    return Check(
        lambda sight: replace(op(sight.reply.headers.get(name, MISSING), sight), path=name)
    )


def _find_duration(sight: Sight) -> float:
    duration = sight.whole.total_ms
    if duration is None:
        raise CannotJudge("nobody measured how long it took")
    return duration


def _find_retry_after(sight: Sight) -> Any:
    text = sight.reply.headers.get(RETRY_AFTER.decode())
    if text is None:
        return MISSING
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise CannotJudge("{found} is not a number", found=text) from None


def find_error(sight: Sight) -> dict[str, Any] | None:
    """The `error` object of an answer in the API's envelope, or of a stream's error event."""
    told = sight.reply.read.error
    if told is not None:
        return {"type": told.error_type, "message": told.message}
    try:
        body = sight.whole.json
    except ValueError:
        return None
    is_error = isinstance(body, dict) and body.get("type") == "error"
    error = body.get("error") if is_error else None
    return error if isinstance(error, dict) else None


def _compare_error(field: str) -> Kind:
    def get(sight: Sight) -> Any:
        error = find_error(sight)
        return MISSING if error is None else error.get(field, MISSING)

    return compared(get, _HEADER, path=f"$.error.{field}")


HTTP_KINDS: Final = {
    "status": looked(_read_status),
    "header": Kind(_read_header),
    "content_type": compared(lambda sight: sight.reply.content_type, TEXT),
    "duration_ms": compared(_find_duration, _MILLISECONDS),
    "retry_after": compared(_find_retry_after, _SECONDS),
    "request_id": Kind(_read_request_id),
    "error.type": _compare_error("type"),
    "error.message": _compare_error("message"),
}
