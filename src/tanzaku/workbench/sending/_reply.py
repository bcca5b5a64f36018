"""What came back for one request, and what can be read off it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from json import JSONDecodeError, loads
from typing import Any

from tanzaku.core import SseFrame
from tanzaku.exchange import Exchange
from tanzaku.wire import MessageAssembler, StreamError


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A frame of a stream and when its last byte came, in milliseconds since the request was
    sent."""

    at_ms: float
    frame: SseFrame


@dataclass(frozen=True)
class Reply:
    """One exchange as a client saw it. Any HTTP service's: what is Claude's is None or empty
    elsewhere.

    `exchange.settlement` is None when no whole header came; `problem` then, or when the body broke
    off, says why in one sentence. `frames` are an event stream's, empty otherwise.
    """

    exchange: Exchange
    frames: tuple[TimedFrame, ...] = ()
    problem: str | None = None

    @property
    def status(self) -> int | None:
        """None when no answer came."""
        settlement = self.exchange.settlement
        return None if settlement is None else settlement.status

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, names in lower case; values of a repeated one joined by `, `."""
        joined: dict[str, str] = {}
        settlement = self.exchange.settlement
        for name, value in settlement.response_headers if settlement else ():
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined

    @property
    def content_type(self) -> str:
        """Without its parameters, in lower case; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def body(self) -> bytes:
        """Decoded of its content-encoding; empty when no answer came."""
        settlement = self.exchange.settlement
        return b"" if settlement is None else settlement.response_body

    @cached_property
    def json(self) -> Any:
        """The body as JSON, of a stream of Claude's its message. ValueError when it is neither."""
        if self.frames:
            if self.message is None:
                raise ValueError("the stream carries no message")
            return self.message
        try:
            return loads(self.body)
        except RecursionError:
            raise ValueError("the body is nested too deeply") from None

    @cached_property
    def events(self) -> list[tuple[float, str, Any]]:
        """(milliseconds, event name, data) of each frame; data that is no JSON stays text."""
        return [(one.at_ms, one.frame.event, _read_data(one.frame.data)) for one in self.frames]

    @property
    def message(self) -> dict[str, Any] | None:
        """The Message of Claude's API that came, whole or as far as its stream got."""
        return self._read[0]

    @property
    def stream_problem(self) -> str | None:
        """What is wrong with the order of a stream's events; None when nothing is, or no stream."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[dict[str, Any] | None, str | None]:
        return read_message(self.body, self.frames)

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The message's content blocks."""
        return list(self.message["content"]) if self.message else []

    @cached_property
    def text(self) -> str:
        """The text blocks of a message, joined; of anything else the body as UTF-8 text."""
        if self.message is None:
            return self.body.decode("utf-8", "replace")
        return "".join(str(block["text"]) for block in self.blocks if block["type"] == "text")

    @property
    def thinking(self) -> str:
        """The thinking blocks, joined."""
        return "".join(str(one["thinking"]) for one in self.blocks if one["type"] == "thinking")

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The tool_use blocks, in order."""
        return [block for block in self.blocks if block["type"] == "tool_use"]

    @property
    def usage(self) -> dict[str, Any] | None:
        """The API's usage object, merged over a stream."""
        settlement = self.exchange.settlement
        return None if settlement is None else settlement.usage

    @property
    def cost_usd(self) -> Decimal | None:
        """What it cost; None when nothing was billed or nothing can be priced."""
        settlement = self.exchange.settlement
        return settlement.cost.total_usd if settlement and settlement.cost else None

    @property
    def ttft_ms(self) -> float | None:
        """Milliseconds from the request to the first byte of the answer's body."""
        settlement = self.exchange.settlement
        return None if settlement is None else settlement.timings.ttft_ms

    @property
    def total_ms(self) -> float | None:
        """Milliseconds from the request to the answer's last byte."""
        settlement = self.exchange.settlement
        return None if settlement is None else settlement.timings.total_ms

    @property
    def max_gap_ms(self) -> float | None:
        """The longest time between two events that follow each other; None for fewer than two."""
        times = [one.at_ms for one in self.frames]
        return max((b - a for a, b in pairwise(times)), default=None)


def read_message(
    body: bytes, frames: Sequence[TimedFrame]
) -> tuple[dict[str, Any] | None, str | None]:
    """The Message in an answer (None: there is none) and what is wrong with the order of its
    stream's events."""
    if not frames:
        whole = _read_data(body)
        is_message = isinstance(whole, dict) and whole.get("type") == "message"
        return (whole if is_message else None), None
    assembler = MessageAssembler()
    problem: str | None = None
    message: dict[str, Any] | None = None
    try:
        for one in frames:
            data = _read_data(one.frame.data)
            if isinstance(data, dict):
                assembler.feed(data)
    except StreamError as error:
        problem = str(error)
    try:
        message = assembler.message
    except StreamError as error:
        problem = problem or str(error)
    if problem is None and not assembler.is_complete and assembler.error is None:
        problem = "message_stop never came"
    return message, problem


def _read_data(data: bytes) -> Any:
    text = data.decode("utf-8", "replace")
    try:
        return loads(text)
    except (JSONDecodeError, RecursionError):
        return text
