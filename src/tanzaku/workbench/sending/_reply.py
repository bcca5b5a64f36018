"""What came back for one request, and what can be read off it."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, Literal

from tanzaku.core import SseFrame
from tanzaku.exchange import Exchange
from tanzaku.workbench.sending._read import (
    ReadMessage,
    read_inputs,
    read_json,
    read_json_or_text,
    read_stream,
    read_whole,
)

_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)

type Trouble = Literal["unsendable", "connect", "timeout", "broken", "encoding", "too_large"]
"""`unsendable`: no HTTP could carry the request. `connect`: nobody was reached. `timeout`: it took
too long. `broken`: the answer ended before its end, or was no HTTP. `encoding`: its
content-encoding could not be undone. `too_large`: it is longer than can be held."""


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

    `exchange.settlement` is None when no whole header came; `trouble` then, or when the body broke
    off, says what kind of trouble it was and `problem` tells it in one sentence. `frames` are an
    event stream's, empty otherwise. `base_url` is where the request went: its path comes before the
    exchange's. `holds_secret` tells that the answer held one of the secrets that are masked here.
    """

    exchange: Exchange
    frames: tuple[TimedFrame, ...] = ()
    problem: str | None = None
    trouble: Trouble | None = None
    base_url: str = ""
    holds_secret: bool = False

    @property
    def url(self) -> str:
        """Of the request, with its query."""
        return self.base_url.rstrip("/") + self.exchange.target

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
    def is_stream(self) -> bool:
        """Whether the answer says that it is an event stream."""
        return self.content_type == "text/event-stream"

    @property
    def body(self) -> bytes:
        """Decoded of its content-encoding; empty when no answer came."""
        settlement = self.exchange.settlement
        return b"" if settlement is None else settlement.response_body

    @cached_property
    def body_text(self) -> str:
        """The body in its charset, UTF-8 where it names none that is known."""
        named = _CHARSET.search(self.headers.get("content-type", ""))
        try:
            charset = codecs.lookup(named[1]).name if named else "utf-8"
            return self.body.decode(charset, "replace")
        except (LookupError, ValueError):
            return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The body as JSON, of a stream of Claude's its message. ValueError when it is neither."""
        if self.is_stream:
            if self.message is None:
                raise ValueError("the stream carries no message")
            return self.message
        return read_json(self.body)

    @cached_property
    def events(self) -> list[tuple[float, str, Any]]:
        """(milliseconds, event name, data) of each frame; data that is no JSON stays text."""
        return [
            (one.at_ms, one.frame.event, read_json_or_text(one.frame.data)) for one in self.frames
        ]

    @cached_property
    def read(self) -> ReadMessage:
        """What the answer is of Claude's."""
        if self.status is None or not self.is_stream:
            return read_whole(self.body)
        is_claudes = self.status < 400 and self.exchange.path.endswith("/v1/messages")
        return read_stream([one.frame for one in self.frames], is_claudes=is_claudes)

    @property
    def message(self) -> dict[str, Any] | None:
        """The Message of Claude's API that came, whole or as far as its stream got."""
        return self.read.message

    @property
    def stream_problem(self) -> str | None:
        """What is wrong with the events of a stream of Claude's or their order; None when nothing
        is, and for any other answer."""
        return self.read.problem

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The message's content blocks."""
        content = self.message["content"] if self.message else ()
        return [block for block in content if isinstance(block, dict)]

    @cached_property
    def text(self) -> str:
        """The text blocks of a message, joined; of anything else the body."""
        return self.body_text if self.message is None else self._join("text")

    @property
    def thinking(self) -> str:
        """The thinking blocks, joined."""
        return self._join("thinking")

    def _join(self, kind: str) -> str:
        return "".join(str(one.get(kind, "")) for one in self.blocks if one.get("type") == kind)

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The tool_use blocks, in order."""
        return [block for block in self.blocks if block.get("type") == "tool_use"]

    @cached_property
    def streamed_inputs(self) -> Mapping[int, str]:
        """The arguments of a stream's tool calls letter by letter as they came, by the number of
        the block: what the message has of them is their JSON, which may have been cut off."""
        return read_inputs(one.frame for one in self.frames)

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

    @property
    def tokens_per_s(self) -> float | None:
        """Output tokens by the seconds between the first event of a stream and its last; None
        without usage, without a stream, and for one that came at once."""
        tokens = (self.usage or {}).get("output_tokens")
        if not self.frames or not isinstance(tokens, int):
            return None
        seconds = (self.frames[-1].at_ms - self.frames[0].at_ms) / 1000
        return tokens / seconds if seconds > 0 else None
