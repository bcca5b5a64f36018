"""Events as lines of JSON, and back.

A line is one object; `event` says which event it is, the other keys are its fields. Bodies are text
where they are UTF-8, else `{"base64": …}`; dollars are strings, so that no digit is lost.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from tanzaku.transport import redact_json
from tanzaku.workbench.runner._events import (
    CaseEnded,
    CaseStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
)
from tanzaku.workbench.sending import restore, to_plain

_NAMES: Final[Mapping[type[Event], str]] = {
    ExecutionStarted: "execution_started",
    CaseStarted: "case_started",
    ReplyCame: "reply_came",
    CaseEnded: "case_ended",
    ExecutionEnded: "execution_ended",
}
_KINDS: Final[Mapping[str, type[Event]]] = {name: kind for kind, name in _NAMES.items()}


def event_to_json(event: Event) -> dict[str, Any]:
    """The event as plain JSON values."""
    return {"event": _NAMES[type(event)], **to_plain(event)}


def encode_event(event: Event) -> bytes:
    """The event as one line, its line feed included."""
    value = event_to_json(event)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a character, which JSON can carry only as `\ud800`
        return json.dumps(value, allow_nan=False).encode() + b"\n"


def parse_event(line: bytes) -> Event:
    """The event that `encode_event` wrote. Keys it does not know are left out, so that an older
    Tanzaku reads what a newer one wrote; what may be any sequence comes back as a list. ValueError
    when it is none."""
    value = json.loads(line)
    name = value.get("event") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in _KINDS:
        raise ValueError("it names no event")
    try:
        event: Event = restore(_KINDS[name], value)
    except (ArithmeticError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no {name}: {error!r}") from None
    return event


def redact_event(event: Event) -> Event:
    """The event without a credential, whoever wrote one into a case or a message; that of a reply
    as it is, since its sender has masked it."""
    if isinstance(event, ReplyCame):
        return event
    plain = to_plain(event)
    redacted = redact_json(plain)
    if redacted is plain:
        return event
    restored: Event = restore(type(event), redacted)
    return restored
