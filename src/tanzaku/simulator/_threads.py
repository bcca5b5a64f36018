"""Conversations that the server holds: the beta field `thread` of a Messages request.

Which fields may not change on a `continue`, and how each refusal is coded: SDK 2.12.0
`lib/threads/_thread_state.py` and `types/thread_*_error.py`. The texts are guesses.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tanzaku.wire import ApiError, get_error_type

_KEPT_FIELDS = ("system", "tools")
_MOST_THREADS = 1024


@dataclass(slots=True)
class Turn:
    """A turn of a thread: the `request` as it would be without one. `held` is what it continues."""

    request: dict[str, Any]
    held: "_Held | None"


@dataclass(slots=True)
class _Held:
    messages: list[Any]
    fields: dict[str, Any]
    is_in_flight: bool = False
    is_continued: bool = field(default=False)


def can_begin(request: Mapping[str, Any]) -> bool:
    """Whether the request is of a thread, as far as `begin` reads it; what is not is left to the
    validation, which refuses it."""
    thread = request.get("thread")
    if not isinstance(thread, dict) or not isinstance(request.get("messages"), list):
        return False
    if thread.get("type") == "create":
        return True
    return thread.get("type") == "continue" and isinstance(thread.get("previous_message_id"), str)


class Threads:
    """The newest 1,024 replies that may be continued, each once; kept in memory only."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def begin(self, request: Mapping[str, Any]) -> Turn:
        """The whole request behind one that `can_begin`.

        Raises ApiError 404 `thread_not_found`, 400 `thread_already_continued`,
        `thread_continue_in_flight` or `thread_fingerprint_mismatch`. Whoever begins a turn calls
        `settle`.
        """
        thread = request["thread"]
        whole = {name: value for name, value in request.items() if name != "thread"}
        if thread["type"] == "create":
            return Turn(whole, None)
        held = self._find(thread["previous_message_id"])
        for name in _KEPT_FIELDS:
            if request.get(name) is not None and request[name] != held.fields.get(name):
                raise _refuse(
                    "thread_fingerprint_mismatch",
                    f"thread: `{name}` differs from the value stored with the thread",
                )
        held.is_in_flight = True
        messages = [*held.messages, *request["messages"]]
        return Turn({**whole, **held.fields, "messages": messages}, held)

    def settle(self, turn: Turn, message: Mapping[str, Any] | None) -> None:
        """End a turn: `message` is the reply it got, None when it got none. A refused turn is not
        held (the SDK starts a new thread after one)."""
        if turn.held is not None:
            turn.held.is_in_flight = False
        if message is None:
            return
        if turn.held is not None:
            turn.held.is_continued = True
            turn.held.messages = []
        if message["stop_reason"] == "refusal":
            return
        reply = {"role": "assistant", "content": _as_sent(message["content"])}
        fields = {name: turn.request[name] for name in _KEPT_FIELDS if name in turn.request}
        self._held[message["id"]] = _Held([*turn.request["messages"], reply], fields)
        if len(self._held) > _MOST_THREADS:
            self._held.popitem(last=False)

    def _find(self, message_id: str) -> _Held:
        held = self._held.get(message_id)
        if held is None:
            raise ApiError(
                404,
                get_error_type(404),
                f"thread: no usable state was found for previous_message_id {message_id}",
                error_code="thread_not_found",
            )
        if held.is_continued:
            raise _refuse("thread_already_continued", f"thread: {message_id} was continued already")
        if held.is_in_flight:
            raise _refuse(
                "thread_continue_in_flight", f"thread: {message_id} is being continued right now"
            )
        return held


def _refuse(code: str, message: str) -> ApiError:
    return ApiError(400, get_error_type(400), message, error_code=code)


def _as_sent(content: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A reply's blocks as a request repeats them: without fields that are null."""
    return [{k: v for k, v in block.items() if v is not None} for block in content]
