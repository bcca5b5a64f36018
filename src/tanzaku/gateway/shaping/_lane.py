"""One queue before one limit, fair among the keys that wait in it. A pure machine over now."""

from collections import deque
from collections.abc import Mapping

from tanzaku.gateway.shaping._limit import Kind, LimitState
from tanzaku.gateway.shaping._room import Room, Ticket


class Lane:
    """Calls go at once while there is room and nobody waits. Otherwise the key that was given the
    least goes next, by start-time fair queueing: each key has a clock that the costs of its calls
    move on, and the earliest clock is next. Its call waits for its room, however small the calls
    behind it, so that none waits for ever.
    """

    def __init__(self, cap: int | None = None) -> None:
        self.room = Room(cap)
        self._queues: dict[str, deque[Ticket]] = {}
        self._clocks: dict[str, float] = {}
        self._time = 0.0

    @property
    def is_waited_for(self) -> bool:
        """Whether a call waits."""
        return bool(self._queues)

    def enter(self, now: float, ticket: Ticket) -> bool:
        """Take a call in; whether it goes at once. If not, `grant` says when it goes."""
        if not self._queues and self._may_go(now, ticket):
            self.room.take(now, ticket)
            return True
        self._open_queue(ticket.key).append(ticket)
        return False

    def grant(self, now: float) -> list[Ticket]:
        """The calls that go now, in this order."""
        granted = []
        while (ticket := self._find_next(now)) is not None and self._may_go(now, ticket):
            self._remove(ticket)
            self._time = self._clocks[ticket.key]
            self._clocks[ticket.key] += ticket.cost
            ticket.cost = 0  # should the upstream refuse it, its next turn is paid for
            self.room.take(now, ticket)
            granted.append(ticket)
        if not self._queues:
            self._clocks.clear()
            self._time = 0.0
        return granted

    def expire(self, now: float) -> list[Ticket]:
        """The calls whose deadline has passed; they wait no more."""
        expired = []
        for queue in list(self._queues.values()):
            while queue and queue[0].deadline <= now:
                expired.append(queue[0])
                self._remove(queue[0])
        return expired

    def find_next_time(self, now: float) -> float | None:
        """When to look again if nothing else happens; None while nobody waits."""
        heads = [queue[0] for queue in self._queues.values()]
        times = [head.deadline for head in heads]
        times += [head.ready_at for head in heads if head.ready_at > now]
        ticket = self._find_next(now)
        if ticket is not None and self.room.has_place:
            times.append(now + self.room.find_wait(now, ticket))
        return min(times, default=None)

    def estimate_wait(self, now: float, ticket: Ticket) -> float:
        """Seconds until a call like `ticket` would go after all that wait."""
        waiting = [one for queue in self._queues.values() for one in queue]
        return self.room.estimate_wait(now, [ticket, *waiting])

    def leave(self, now: float, ticket: Ticket) -> None:
        """A call is given up: it waits, or it was let go and was not sent."""
        if ticket.is_sent:
            self.room.give_back(now, ticket)
        elif ticket in self._queues.get(ticket.key, ()):
            self._remove(ticket)

    def refuse(
        self, now: float, ticket: Ticket, states: Mapping[Kind, LimitState], wait_s: float
    ) -> bool:
        """The upstream answered 429 and asks to wait `wait_s`. Whether the call waits on: it does
        unless its deadline comes first, and then is the first of its key."""
        self.room.refuse(now, ticket, states, wait_s)
        if ticket.ready_at > ticket.deadline:
            return False
        self._open_queue(ticket.key).appendleft(ticket)
        return True

    def _open_queue(self, key: str) -> deque[Ticket]:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            self._clocks[key] = max(self._clocks.get(key, 0.0), self._time)
        return queue

    def _remove(self, ticket: Ticket) -> None:
        queue = self._queues[ticket.key]
        queue.remove(ticket)
        if not queue:
            del self._queues[ticket.key]

    def _find_next(self, now: float) -> Ticket | None:
        heads = [queue[0] for queue in self._queues.values() if queue[0].ready_at <= now]
        return min(heads, key=lambda head: self._clocks[head.key], default=None)

    def _may_go(self, now: float, ticket: Ticket) -> bool:
        return self.room.has_place and self.room.find_wait(now, ticket) == 0
