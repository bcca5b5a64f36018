"""Recorded exchanges, and which of them answers a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tanzaku.exchange import NormalRequest, RecordedExchange

type ReplayMode = Literal["strict", "lenient"]


@dataclass(slots=True)
class Tape:
    """An exchange that can be played, and how often it was."""

    exchange: RecordedExchange
    normal: NormalRequest
    plays: int = 0


class Tapes:
    """Every exchange of a recording; those that were cut are kept apart and never played.

    A request is answered by a tape with its exact key. In `lenient` mode, where there is none, by
    one with its anchor: of several those whose conversation agrees with the request's for longest,
    counted from the end, then those nearest in length. Of the tapes left, those with the
    request's settings come first. They are played in the order they were recorded, each once; then
    the last one again (`lenient`) or none (`strict`).
    """

    def __init__(self, exchanges: Sequence[RecordedExchange]) -> None:
        self.all = [Tape(exchange, exchange.normalise()) for exchange in exchanges]
        self._by_exact: dict[str, list[Tape]] = {}
        self._by_anchor: dict[str, list[Tape]] = {}
        for tape in self.all:
            if tape.exchange.cut is not None:
                continue
            self._by_exact.setdefault(tape.normal.exact, []).append(tape)
            if tape.normal.anchor is not None:
                self._by_anchor.setdefault(tape.normal.anchor, []).append(tape)

    def take(self, asked: NormalRequest, mode: ReplayMode) -> Tape | None:
        """The tape to play now, counted as played; None where there is none."""
        tape = self._find(asked, mode)
        if tape is not None:
            tape.plays += 1
        return tape

    def find_exact(self, asked: NormalRequest) -> list[Tape]:
        """The tapes with the request's exact key, played or not."""
        return self._by_exact.get(asked.exact, [])

    def find_nearest(self, asked: NormalRequest) -> Tape | None:
        """The tape that begins most like the request, cut ones among them; None where no request
        of the kind was recorded."""
        same = [tape for tape in self.all if tape.normal.endpoint == asked.endpoint]
        return max(same, key=lambda tape: _measure_start(tape.normal, asked), default=None)

    def _find(self, asked: NormalRequest, mode: ReplayMode) -> Tape | None:
        group = self.find_exact(asked)
        if not group and mode == "lenient" and asked.anchor is not None:
            group = _keep_closest(self._by_anchor.get(asked.anchor, []), asked)
        if not group:
            return None
        same = [tape for tape in group if tape.normal.settings == asked.settings]
        repeated = (same or group)[-1] if mode == "lenient" else None
        return _find_fresh(same) or (repeated if same else None) or _find_fresh(group) or repeated


def _find_fresh(tapes: list[Tape]) -> Tape | None:
    return next((tape for tape in tapes if tape.plays == 0), None)


def _keep_closest(tapes: list[Tape], asked: NormalRequest) -> list[Tape]:
    if not tapes:
        return []
    distances = [_measure_end(tape.normal, asked) for tape in tapes]
    best = max(distances)
    return [tape for tape, found in zip(tapes, distances, strict=True) if found == best]


def _measure_end(recorded: NormalRequest, asked: NormalRequest) -> tuple[int, int]:
    mine, theirs = recorded.steps, asked.steps
    return _count_equal(mine[::-1], theirs[::-1]), -abs(len(mine) - len(theirs))


def _measure_start(recorded: NormalRequest, asked: NormalRequest) -> tuple[int, int]:
    """Equal messages from the first on, then equal parts of what stands before them."""
    parts = ("system", "tools", "model", "query")
    mine, theirs = recorded.document, asked.document
    equal_parts = sum(mine.get(part) == theirs.get(part) for part in parts)
    return _count_equal(recorded.steps, asked.steps), equal_parts


def _count_equal(mine: Sequence[str], theirs: Sequence[str]) -> int:
    count = 0
    for left, right in zip(mine, theirs, strict=False):
        if left != right:
            break
        count += 1
    return count
