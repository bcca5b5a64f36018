"""Collecting: which calls wait, and when they go out together. Pure, over `now` in Unix seconds."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from tanzaku.gateway.batching._deferred import Deferred, Group
from tanzaku.gateway.batching._settings import BatchingSettings

FRAME_BYTES = len('{"custom_id":"","params":},')
BRACKETS = (b'{"requests":[', b"]}")


@dataclass(slots=True)
class _Tray:
    waiting: dict[str, Deferred] = field(default_factory=dict)
    size: int = 0
    due_at: float = math.inf


class Desk:
    """The calls that are in no batch yet, each group's on a tray of its own, and the deadlines of
    all."""

    def __init__(self, settings: BatchingSettings) -> None:
        self._settings = settings
        self._trays: dict[Group, _Tray] = {}
        self._deadlines: list[tuple[float, str]] = []

    def put(self, deferred: Deferred) -> None:
        """One more waits."""
        tray = self._trays.setdefault(deferred.group, _Tray())
        tray.waiting[deferred.id] = deferred
        tray.size += measure(deferred)
        tray.due_at = min(tray.due_at, self._find_due(deferred))
        if self._is_full(tray):
            tray.due_at = -math.inf

    def remind(self, deferred: Deferred) -> None:
        """Name it in `pop_late` when its deadline has come."""
        if deferred.deadline is not None:
            heapq.heappush(self._deadlines, (deferred.deadline, deferred.id))

    def take(self, deferred: Deferred) -> bool:
        """Take one back; false when it does not wait here."""
        tray = self._trays.get(deferred.group)
        if tray is None or tray.waiting.pop(deferred.id, None) is None:
            return False
        tray.size -= measure(deferred)
        if not tray.waiting:
            del self._trays[deferred.group]
        return True

    def seal_due(self, now: float) -> Iterator[tuple[Group, list[Deferred]]]:
        """What goes out now, in batches of no more than the settings allow."""
        for group, tray in list(self._trays.items()):
            if tray.due_at > now:
                continue
            is_rest_due = any(self._find_due(one) <= now for one in tray.waiting.values())
            while tray.waiting and (is_rest_due or self._is_full(tray)):
                yield group, self._cut(tray)
            tray.due_at = min(map(self._find_due, tray.waiting.values()), default=math.inf)
            if not tray.waiting:
                del self._trays[group]

    def pop_late(self, now: float) -> Iterator[str]:
        """The ids whose deadline has come since the last time."""
        while self._deadlines and self._deadlines[0][0] <= now:
            yield heapq.heappop(self._deadlines)[1]

    def next_due_at(self) -> float:
        """When `seal_due` or `pop_late` next has something; infinity for never."""
        due_at = min((tray.due_at for tray in self._trays.values()), default=math.inf)
        return min(due_at, self._deadlines[0][0]) if self._deadlines else due_at

    def _find_due(self, deferred: Deferred) -> float:
        due_at = deferred.made_at + self._settings.collect_s
        if deferred.deadline is None:
            return due_at
        return min(due_at, deferred.deadline - self._settings.margin_s)

    def _is_full(self, tray: _Tray) -> bool:
        settings = self._settings
        return len(tray.waiting) >= settings.max_requests or tray.size >= self._room

    @property
    def _room(self) -> int:
        return self._settings.max_bytes - len(b"".join(BRACKETS))

    def _cut(self, tray: _Tray) -> list[Deferred]:
        taken: list[Deferred] = []
        size = 0
        for deferred in tray.waiting.values():
            size += measure(deferred)
            if taken and (size > self._room or len(taken) == self._settings.max_requests):
                break
            taken.append(deferred)
        for deferred in taken:
            del tray.waiting[deferred.id]
            tray.size -= measure(deferred)
        return taken


def measure(deferred: Deferred) -> int:
    """The bytes a call takes in the body of a batch, its comma included."""
    return FRAME_BYTES + len(deferred.id) + deferred.size
