"""The events of a stream as the message they carry."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from tanzaku.wire._errors import ApiError, StreamError, read_error
from tanzaku.wire._stream import EventDecoder
from tanzaku.wire._usage import merge_usage

_PIECE_OF = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_FIELD_OF = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "input"}
_MESSAGE_EVENTS = frozenset(
    {
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)


class _OpenBlock:
    """A block whose stop has not come, and the pieces of its growing field."""

    def __init__(self, block: dict[str, Any]) -> None:
        self.block = block
        self.field = ""
        self.pieces: list[str] = []

    def settle(self) -> None:
        """Write the pieces so far into the block; input that is cut short as far as it goes."""
        try:
            text = "".join(self.pieces)
        except TypeError as error:
            raise StreamError(f"a piece of {self.field} is no text") from error
        if self.field == "input" and text:
            try:
                self.block["input"] = from_json(text, allow_inf_nan=False, allow_partial=True)
            except ValueError as error:
                raise StreamError(f"the input of a tool call is not JSON: {error}") from error
        elif self.field and self.field != "input":
            self.block[self.field] = text


class MessageAssembler:
    """Builds a message from its events; the inverse of `split_message`.

    Pings and events and deltas of an unknown type are passed over, unknown fields and blocks kept.
    Events are not modified and not shared with the message, except for values nested in them.
    """

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._open: dict[int, _OpenBlock] = {}
        self.error: ApiError | None = None
        """What an `error` event said; its status follows from the type."""
        self.is_complete = False
        """Whether `message_stop` came. False for a stream that was cut or ended with an error."""

    @property
    def message(self) -> dict[str, Any]:
        """The message as far as it came. StreamError before `message_start`."""
        if self._message is None:
            raise StreamError("no message_start came")
        for opened in self._open.values():
            opened.settle()
        return self._message

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event in. StreamError when it cannot stand here or lacks a field."""
        kind = event.get("type")
        try:
            if kind == "error":
                self.error = read_error(event)
            elif kind == "message_start":
                self._start(event["message"])
            elif kind in _MESSAGE_EVENTS:
                self._take(kind, event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StreamError(f"{kind} is malformed: {error!r}") from error

    def _start(self, message: dict[str, Any]) -> None:
        if self._message is not None:
            raise StreamError("a second message_start came")
        self._message = {**message, "content": list(message["content"])}

    def _take(self, kind: str, event: Mapping[str, Any]) -> None:
        message = self._message
        if message is None:
            raise StreamError(f"{kind} came before message_start")
        if self.is_complete or self.error is not None:
            raise StreamError(f"{kind} came after the end of the stream")
        if kind == "content_block_start":
            self._open_block(message["content"], event["index"], dict(event["content_block"]))
        elif kind == "content_block_delta":
            self._extend(self._find_open(kind, event["index"]), event["delta"])
        elif kind == "content_block_stop":
            self._find_open(kind, event["index"]).settle()
            del self._open[event["index"]]
        elif self._open:
            raise StreamError(f"{kind} came while content block {min(self._open)} was open")
        elif kind == "message_delta":
            _close(message, event)
        else:
            self.is_complete = True

    def _open_block(self, content: list[Any], index: int, block: dict[str, Any]) -> None:
        if index != len(content):
            raise StreamError(f"content_block_start {index} came where {len(content)} was due")
        content.append(block)
        self._open[index] = _OpenBlock(block)

    def _find_open(self, kind: str, index: int) -> _OpenBlock:
        if index not in self._open:
            raise StreamError(f"{kind} came for content block {index}, which is not open")
        return self._open[index]

    def _extend(self, opened: _OpenBlock, delta: dict[str, Any]) -> None:
        kind, block = delta["type"], opened.block
        if kind in _FIELD_OF:
            field = _FIELD_OF[kind]
            if field not in block:
                raise StreamError(f"{kind} came for a block of type {block['type']}")
            if not opened.field and field != "input":
                opened.pieces.append(block[field])
            opened.field = field
            opened.pieces.append(delta[_PIECE_OF[kind]])
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        elif kind in ("signature_delta", "compaction_delta"):
            block.update((key, value) for key, value in delta.items() if key != "type")


def _close(message: dict[str, Any], event: Mapping[str, Any]) -> None:
    """Write a `message_delta` into the message; null does not undo what the start carried."""
    beside = {key: v for key, v in event.items() if key not in ("type", "delta", "usage")}
    for key, value in (event["delta"] | beside).items():
        if value is not None or key not in message:
            message[key] = value
    message["usage"] = merge_usage(message["usage"], event["usage"])


def assemble_message(body: bytes) -> dict[str, Any] | None:
    """The message that the events of a whole stream carry; None for a broken one."""
    assembler = MessageAssembler()
    try:
        for event in EventDecoder().feed(body):
            assembler.feed(event)
    except StreamError:
        return None
    return assembler.message if assembler.is_complete else None
