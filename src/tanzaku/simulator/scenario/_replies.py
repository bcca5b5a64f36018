"""The `reply` of a rule: a message, an error, the improviser, or several in turn."""

import re
from collections.abc import Callable
from typing import Any

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.simulator._error_texts import get_error_text
from tanzaku.simulator._script import ScriptedAnswer
from tanzaku.simulator.scenario import _keys
from tanzaku.simulator.scenario._blocks import Block, read_block, read_fields, read_tool_call
from tanzaku.simulator.scenario._conditions import When
from tanzaku.simulator.scenario._server_tools import Draft
from tanzaku.simulator.scenario._templates import Filling, fix, read_text
from tanzaku.wire import RETRY_AFTER, ApiError, get_error_type

MAX_WAIT_S = 86_400
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}", re.IGNORECASE)
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,1000}")
_FRAMING = frozenset({"connection", "content-length", "content-type", "transfer-encoding"})
_BESIDE_CONTENT = ("content", "stop_reason", "refusal")

type Answered = ScriptedAnswer | ApiError | None
"""A message, an error, or None: the improviser answers."""

type Reply = Callable[[Filling], Answered]


def read_reply(entry: Entry, when: When) -> Reply:
    """Read a `reply`; a plain text is an answer of that text."""
    if isinstance(entry.content, str):
        return _build_message(read_fields({"text": entry}, when), {}, None)
    fields = entry.as_fields(_keys.REPLY)
    if "sequence" in fields:
        _refuse_beside(fields, "sequence", "then")
        return _read_sequence(fields, when)
    return _read_single(entry, when)


def _read_single(entry: Entry, when: When) -> Reply:
    """A reply that is no sequence."""
    if isinstance(entry.content, str):
        return read_reply(entry, when)
    fields = entry.as_fields(_keys.SINGLE)
    if "error" in fields:
        _refuse_beside(fields, "error")
        return _read_error(fields["error"], when)
    if "improvise" in fields:
        _refuse_beside(fields, "improvise")
        return _read_improvise(fields["improvise"])
    return _read_message(entry, fields, when)


def _refuse_beside(fields: dict[str, Entry], *alone: str) -> None:
    for name, entry in fields.items():
        if name not in alone:
            raise InputFileError(
                "{place}: `{name}` cannot stand beside `{other}`.",
                place=entry.name_place,
                name=name,
                other=alone[0],
            )


def _read_sequence(fields: dict[str, Entry], when: When) -> Reply:
    entries = fields["sequence"].as_list()
    if not entries:
        raise InputFileError(
            "{place}: `{key}` must not be empty.",
            place=fields["sequence"].place,
            key=fields["sequence"].key,
        )
    replies = [_read_single(item, when) for item in entries]
    then = fields["then"].as_choice(_keys.THEN) if "then" in fields else "stay"

    def answer(filling: Filling) -> Answered:
        at = filling.nth - 1
        if at >= len(replies):
            if then == "improvise":
                return None
            at = at % len(replies) if then == "cycle" else len(replies) - 1
        return replies[at](filling)

    return answer


def _read_improvise(entry: Entry) -> Reply:
    if not entry.as_bool():
        raise InputFileError(
            "{place}: `improvise` is `true` or not there.",
            place=entry.place,
        )
    return lambda filling: None


def _read_error(entry: Entry, when: When) -> Reply:
    fields = entry.as_fields(_keys.ERROR, needed=("status",))
    status = fields["status"].as_integer(400, 599)
    error_type = fields["type"].as_text() if "type" in fields else get_error_type(status)
    message = (
        read_text(fields["message"], when) if "message" in fields else fix(get_error_text(status))
    )
    code = fields["error_code"].as_text() if "error_code" in fields else None
    headers = _read_headers(fields["headers"]) if "headers" in fields else []
    if "retry_after" in fields:
        # The API sends whole seconds; a fraction is taken by the SDKs all the same.
        wait_s = fields["retry_after"].as_number(0, MAX_WAIT_S)
        headers.append((RETRY_AFTER, f"{wait_s:g}".encode()))

    def answer(filling: Filling) -> Answered:
        text = message(filling)
        return ApiError(status, error_type, text, error_code=code, headers=tuple(headers))

    return answer


def _read_headers(entry: Entry) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    for name, value in entry.as_mapping().items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING:
            raise InputFileError(
                "{place}: `{name}` is no header that can be set.",
                hint="The length, type and connection of an answer follow from the answer.",
                place=value.name_place,
                name=name,
            )
        text = value.as_text()
        if not _HEADER_VALUE.fullmatch(text):
            raise InputFileError(
                "{place}: `{key}` must be printable ASCII on one line; found {found}.",
                place=value.place,
                key=value.key,
                found=value.found,
            )
        headers.append((name.lower().encode(), text.encode()))
    return headers


def _read_message(entry: Entry, fields: dict[str, Entry], when: When) -> Reply:
    if not fields:
        raise InputFileError("{place}: `{key}` says nothing.", place=entry.place, key=entry.key)
    blocks = _read_content(fields, when)
    stop: dict[str, Any] = {}
    if "stop_reason" in fields:
        stop["stop_reason"] = fields["stop_reason"].as_choice(_keys.STOP_REASONS)
    has_calls = any(block.is_call for block in blocks)
    if has_calls and stop.get("stop_reason") == "end_turn":
        raise InputFileError(
            "{place}: an answer that calls tools does not end in `end_turn`.",
            hint="Leave `stop_reason` out.",
            place=fields["stop_reason"].place,
        )
    is_paused = stop.get("stop_reason") == "pause_turn"
    if any(block.is_pending for block in blocks) and not has_calls and not is_paused:
        raise InputFileError(
            "{place}: `{key}` holds a server tool that has neither result nor error.",
            hint="That ends in `stop_reason: pause_turn`, or stands beside a tool call.",
            place=entry.place,
            key=entry.key,
        )
    refusal = _read_refusal(fields["refusal"], when) if "refusal" in fields else None
    if refusal is not None and stop:
        _refuse_beside({"stop_reason": fields["stop_reason"]}, "refusal")
    return _build_message(blocks, stop, refusal)


def _read_content(fields: dict[str, Entry], when: When) -> list[Block]:
    if "content" in fields:
        _refuse_beside(
            {name: entry for name, entry in fields.items() if name not in _BESIDE_CONTENT},
            "content",
        )
        return [read_block(item, when) for item in fields["content"].as_list()]
    calls = fields["tool_calls"].as_list() if "tool_calls" in fields else []
    return read_fields(fields, when) + [read_tool_call(call, when) for call in calls]


def _read_refusal(entry: Entry, when: When) -> Callable[[Filling], dict[str, Any]]:
    """`stop_details` of a refusal; both parts may be null, as in the API."""
    fields = entry.as_fields(_keys.REFUSAL)
    category = None
    if "category" in fields and fields["category"].kind != "null":
        category = fields["category"].as_choice(_keys.CATEGORIES)
    explanation = fix(None)
    if "explanation" in fields and fields["explanation"].kind != "null":
        explanation = read_text(fields["explanation"], when)
    return lambda filling: {
        "type": "refusal",
        "category": category,
        "explanation": explanation(filling),
    }


def _build_message(
    blocks: list[Block],
    stop: dict[str, Any],
    refusal: Callable[[Filling], dict[str, Any]] | None,
) -> Reply:
    def answer(filling: Filling) -> Answered:
        draft = Draft(filling)
        for block in blocks:
            block.write(draft)
        fields = {**draft.end(), **stop}
        if refusal is not None:
            fields |= {"stop_reason": "refusal", "stop_details": refusal(filling)}
        return ScriptedAnswer(filling.rule, draft.blocks, fields, times=1, when=None)

    return answer
