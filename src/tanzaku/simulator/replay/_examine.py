"""What a person should know of a recording before relying on it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tanzaku.exchange import RecordedExchange, Recording
from tanzaku.simulator.replay._play import UnplayableError, assemble, is_message, split
from tanzaku.transport import redact_json
from tanzaku.wire import ApiError

type RemarkKind = Literal["credential", "cut", "edited", "repeated", "torn", "unplayable"]

FAULTY = frozenset({"credential", "unplayable"})
"""The kinds that should not stay."""


@dataclass(frozen=True, slots=True)
class Remark:
    """On the line `line`: `credential` (something in it looks like one), `unplayable` (its answer
    makes no message; `detail` says why), `edited` (its keys are not those of its request, which
    counts), `cut` (its answer broke off, so it is never played; `detail` names the side that left),
    `repeated` (recorded before; `detail` has the lines), `torn` (cut off while it was written)."""

    line: int
    kind: RemarkKind
    detail: str = ""

    @property
    def is_faulty(self) -> bool:
        return self.kind in FAULTY


def examine(recording: Recording) -> list[Remark]:
    """Every remark on a recording, by line."""
    remarks = [remark for exchange in recording.exchanges for remark in _examine(exchange)]
    earlier: dict[str, list[str]] = defaultdict(list)
    for exchange in recording.exchanges:
        if exchange.cut is None:
            lines = earlier[exchange.normalise().exact]
            if lines:
                remarks.append(Remark(exchange.line, "repeated", ", ".join(lines)))
            lines.append(str(exchange.line))
    if recording.torn_line is not None:
        remarks.append(Remark(recording.torn_line, "torn"))
    return sorted(remarks, key=lambda remark: (remark.line, remark.kind))


def _examine(exchange: RecordedExchange) -> Iterator[Remark]:
    normal = exchange.normalise()
    if exchange.keys and exchange.keys != {"exact": normal.exact, "anchor": normal.anchor}:
        yield Remark(exchange.line, "edited")
    if exchange.cut is not None:
        yield Remark(exchange.line, "cut", exchange.cut)
    answered, why = _read_answer(exchange)
    if why and exchange.cut is None:
        yield Remark(exchange.line, "unplayable", why)
    request = exchange.request
    whole = [request.target, request.body, answered]
    whole += [list(pair) for pair in (*request.headers, *exchange.response.headers)]
    if redact_json(whole) is not whole:
        yield Remark(exchange.line, "credential")


def _read_answer(exchange: RecordedExchange) -> tuple[list[Any], str]:
    """The answer as JSON values, and why it cannot be played; empty where it can.

    Of a stream the message comes too, for a credential may be cut over several events.
    """
    response = exchange.response
    if response.kind != "events":
        try:
            if is_message(response.content):
                split(response.content, exchange.line)
        except UnplayableError as error:
            return [response.content], str(error)
        return [response.content], ""
    values: list[Any] = [frame.event for frame in response.frames]
    try:
        values.append(assemble(response.frames, exchange.line))
    except UnplayableError as error:
        return values, str(error)
    except ApiError:
        pass  # the error event of the stream, which is played as such
    return values, ""
