"""Whether a limit has room for one more call. A pure machine over now."""

from collections.abc import Mapping
from typing import Final

from tanzaku.gateway.shaping._limit import KINDS, MINUTE_S, Kind, Limit, LimitState

_REMEMBERED: Final = 0.9
_WIDE_FOR: Final = 0.98
# Guess: how much of the upper bound of a prompt is really counted, until answers have told.
_FIRST_SHARE: Final = 0.4
# The API lets answers under way overdraw their limit. So much, and who comes after them waits no
# longer than that: less than calls usually may.
_OVERDRAWN_S: Final = 15.0


class Ticket:
    """One call's place. `bound` is the most it can use: tokens of its prompt and of its answer;
    `cost` what it counts for in its key's share. Times are Unix seconds."""

    __slots__ = (
        "bound", "cost", "deadline", "is_sent", "key", "made", "marks", "read", "ready_at", "sent_at",
    )  # fmt: skip

    def __init__(self, key: str, deadline: float, bound: tuple[int, int]) -> None:
        self.key = key
        self.deadline = deadline
        self.bound = bound
        self.cost = bound[0] + bound[1] or 1
        self.ready_at = 0.0
        self.sent_at = 0.0
        self.is_sent = False
        self.read = 0.0
        self.made = 0.0
        self.marks: tuple[float, ...] = ()


class Room:
    """What an upstream's limits have left, and how many calls are under way.

    A call needs a request, its prompt and one token of output, which is how the API counts. Of the
    bound of a prompt the usual share is booked and the largest share of late must be there, so that
    few are refused. What the answers under way will take must come in while they run, or soon
    after, so that those who wait are let go one by one and not all at once.
    """

    def __init__(self, cap: int | None = None) -> None:
        self.cap = cap
        self.requests, self.input, self.output = self._limits = tuple(map(Limit, KINDS))
        self._read = _Share(_FIRST_SHARE)
        self._made = _Share(0.0)
        self._under_way = 0
        self._pending = 0.0
        self._lasts_s: float | None = None
        self._blocked_until = 0.0
        self._is_limited = False
        self._told_at = 0.0

    @property
    def has_place(self) -> bool:
        """Whether one more may be under way, whatever it needs."""
        return self.cap is None or self._under_way < self.cap

    def find_wait(self, now: float, ticket: Ticket) -> float:
        """Seconds until a call may go if none that is under way ends; 0 for now. Only while
        `has_place`."""
        if not self._is_limited:
            return max(self._blocked_until - now, 0.0)
        for limit in self._limits:
            limit.refill(now)
        output = self.output
        ending = 0.0
        if output.limit is not None and self._pending:
            ending = (
                self._pending - ((self._lasts_s or 0.0) + _OVERDRAWN_S) * output.limit / MINUTE_S
            )
        return max(
            self._blocked_until - now,
            self.requests.find_wait(1),
            # One larger than the limit goes when all of it is there, for the upstream to judge.
            self.input.find_wait(min(self._read.top * ticket.bound[0], self.input.limit or 0)),
            output.find_wait(1 + max(0.0, ending)),
            0.0,
        )

    def estimate_wait(self, now: float, tickets: list[Ticket]) -> float:
        """Seconds until all of these would have gone."""
        read = sum(self._read.usual * ticket.bound[0] for ticket in tickets)
        for limit in self._limits:
            limit.refill(now)
        waits = [
            0.0 if limit.limit is None else (amount - limit.level) * MINUTE_S / limit.limit
            for limit, amount in zip(self._limits, (len(tickets), read, 1), strict=True)
        ]
        return max(0.0, self._blocked_until - now, *waits)

    def list_limits(self) -> list[str]:
        """What is known of the limits, for people."""
        return [
            f"{limit.limit:,} {kind.replace('-', ' ')} per minute"
            for kind, limit in zip(KINDS, self._limits, strict=True)
            if limit.limit is not None
        ]

    def take(self, now: float, ticket: Ticket) -> None:
        """A call goes now."""
        ticket.is_sent = True
        ticket.sent_at = now
        ticket.read = self._read.usual * ticket.bound[0]
        ticket.made = self._made.usual * ticket.bound[1]
        self._under_way += 1
        self._pending += ticket.made
        self.requests.book(1)
        self.input.book(ticket.read)
        ticket.marks = tuple([limit.booked for limit in self._limits])

    def give_back(self, now: float, ticket: Ticket) -> None:
        """A call that went counts for nothing after all."""
        for limit in self._limits:
            limit.refill(now)
        self._end(ticket)
        self.requests.book(-1)
        self.input.book(-ticket.read)

    def learn(self, now: float, ticket: Ticket, states: Mapping[Kind, LimitState]) -> None:
        """The head of a call's answer has come, with these limits."""
        if ticket.sent_at < self._told_at or not states:
            return
        self._told_at = ticket.sent_at
        self._is_limited = True
        for kind, limit, mark in zip(KINDS, self._limits, ticket.marks, strict=True):
            state = states.get(kind)
            if state is not None:
                limit.learn(now, state, mark, now - ticket.sent_at)

    def refuse(
        self, now: float, ticket: Ticket, states: Mapping[Kind, LimitState], wait_s: float
    ) -> None:
        """The upstream answered 429 and asks to wait `wait_s`: all wait where it names no limits,
        and else the call alone, since a smaller one may have room."""
        self.give_back(now, ticket)
        ticket.marks = tuple([limit.booked for limit in self._limits])
        self.learn(now, ticket, states)
        ticket.ready_at = now + wait_s
        if not states:
            self._blocked_until = max(self._blocked_until, ticket.ready_at)

    def finish(self, now: float, ticket: Ticket, read: int | None, made: int) -> None:
        """A call is over: `read` tokens of its prompt counted against the limit, None where that is
        not known, and `made` tokens of output. From one that read nothing nothing is learnt."""
        for limit in self._limits:
            limit.refill(now)
        self._end(ticket)
        self.output.book(made)
        lasts_s = now - ticket.sent_at
        if self._lasts_s is not None:
            lasts_s = self._lasts_s * _REMEMBERED + lasts_s * (1 - _REMEMBERED)
        self._lasts_s = lasts_s
        if read is not None:
            self.input.book(read - ticket.read)
        if read:
            self._read.learn(read, ticket.bound[0])
            self._made.learn(made, ticket.bound[1])

    def _end(self, ticket: Ticket) -> None:
        ticket.is_sent = False
        self._under_way -= 1
        # Sums of floats end near nothing, not at it.
        self._pending = self._pending - ticket.made if self._under_way else 0.0


class _Share:
    """How much of an upper bound is used: usually, and at most of late."""

    __slots__ = ("_bound", "_used", "top", "usual")

    def __init__(self, first: float) -> None:
        self.usual = self.top = first
        self._used = self._bound = 0.0

    def learn(self, used: int, bound: int) -> None:
        if not bound:
            return
        is_first = not self._bound
        self._used = self._used * _REMEMBERED + used
        self._bound = self._bound * _REMEMBERED + bound
        self.usual = min(1.0, self._used / self._bound)
        widest = min(1.0, used / bound)
        self.top = widest if is_first else max(widest, self.top * _WIDE_FOR)
