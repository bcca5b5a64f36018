"""Lanes in real time: callers await their turn."""

import asyncio
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tanzaku.core import Clock
from tanzaku.gateway._retry import read_retry_after
from tanzaku.gateway._stages import Worst
from tanzaku.gateway.shaping._lane import Lane
from tanzaku.gateway.shaping._limit import parse_limits
from tanzaku.gateway.shaping._room import Ticket
from tanzaku.transport import HeaderList
from tanzaku.wire import ApiError

_LONGEST_RETRY_S: Final = 60
_TICK_S: Final = 0.001
# While nobody waits, what was said a moment ago will do.
_LEARN_EVERY_S: Final = 0.1


class Turn:
    """A call whose turn it is, in one lane. `finish` it, whatever becomes of it."""

    __slots__ = ("_served", "_ticket")

    def __init__(self, served: "_Served", ticket: Ticket) -> None:
        self._served = served
        self._ticket = ticket

    async def wait_again(self, status: int, headers: HeaderList) -> bool:
        """Learn from the head of the upstream's answer. After a 429 that can be waited for, return
        True once it is the call's turn to ask again; False where the answer stands."""
        served, ticket = self._served, self._ticket
        lane, now = served.lane, served.clock.now()
        if status != 429 and now < served.learns_at and not lane.is_waited_for:
            return False
        served.learns_at = now + _LEARN_EVERY_S
        states = parse_limits(headers)
        wait_s = read_retry_after(headers, now) if status == 429 else None
        if wait_s is None:
            lane.room.learn(now, ticket, states)
            return False
        if not lane.refuse(now, ticket, states, wait_s):
            served.serve()
            return False
        return await served.wait(ticket)

    def finish(self, usage: Mapping[str, Any] | None) -> None:
        """The call is over and used this, as the API counts it; None where that is not known. A
        second call does nothing."""
        lane, now, ticket = self._served.lane, self._served.clock.now(), self._ticket
        if not ticket.is_sent:
            lane.leave(now, ticket)
        elif usage is None:
            lane.room.finish(now, ticket, None, 0)
        else:
            read = (usage.get("input_tokens") or 0) + (
                usage.get("cache_creation_input_tokens") or 0
            )
            lane.room.finish(now, ticket, read, usage.get("output_tokens") or 0)
        self._served.serve()


class Shaper:
    """The lanes of a gateway: one for each upstream's limit, one for each limit of its own on calls
    at one time. Belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: dict[str, _Served] = {}

    async def turn(self, name: str, key: str, worst: Worst, deadline: float) -> Turn:
        """Return once a call may go to the upstream whose limit is called `name`.

        Keys share it evenly. `deadline` is Unix seconds, ApiError 429 once it has passed. At once
        where nothing is known of the limit.
        """
        served = self._lanes.get(name)
        if served is None:
            served = self._lanes[name] = _Served(name, Lane(), self._clock)
        return await served.enter(Ticket(key, deadline, (worst.input_tokens, worst.output_tokens)))

    async def enter(self, caps: Iterable[tuple[str, int]], key: str, deadline: float) -> list[Turn]:
        """The same for limits of one's own on calls at one time, each with its name: a turn in
        every one of them. Callers name them in the same order."""
        turns: list[Turn] = []
        try:
            for name, cap in caps:
                served = self._lanes.get(name)
                if served is None:
                    served = self._lanes[name] = _Served(name, Lane(), self._clock)
                served.lane.room.cap = cap
                turns.append(await served.enter(Ticket(key, deadline, (0, 0))))
        except BaseException:
            for turn in turns:
                turn.finish(None)
            raise
        return turns


class _Served:
    """A lane, those who wait in it, and the one timer they need."""

    def __init__(self, name: str, lane: Lane, clock: Clock) -> None:
        self.name = name
        self.lane = lane
        self.clock = clock
        self.learns_at = 0.0
        self._waiting: dict[Ticket, asyncio.Future[bool]] = {}
        self._timer: asyncio.Task[None] | None = None
        self._timer_at = 0.0

    async def enter(self, ticket: Ticket) -> Turn:
        """The turn of a call that comes now. ApiError 429 at its deadline."""
        if self.lane.enter(self.clock.now(), ticket) or await self.wait(ticket):
            return Turn(self, ticket)
        raise self._refuse(ticket)

    async def wait(self, ticket: Ticket) -> bool:
        """Whether the call, which is in the queue, may go; False at its deadline."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[ticket] = future
        self.serve()
        try:
            return await future
        except asyncio.CancelledError:
            self.lane.leave(self.clock.now(), ticket)
            raise
        finally:
            del self._waiting[ticket]
            self.serve()

    def serve(self) -> None:
        """Let go who may, refuse whose deadline has passed, and set the timer for the next."""
        if not self.lane.is_waited_for and self._timer is None:
            return
        now = self.clock.now()
        for ticket in self.lane.expire(now):
            self._tell(ticket, may_go=False)
        for ticket in self.lane.grant(now):
            self._tell(ticket, may_go=True)
        self._set_timer(self.lane.find_next_time(now), now)

    def _tell(self, ticket: Ticket, *, may_go: bool) -> None:
        # One that was cancelled a moment ago has still to leave.
        if not self._waiting[ticket].done():
            self._waiting[ticket].set_result(may_go)

    def _set_timer(self, at: float | None, now: float) -> None:
        if self._timer is not None and (at is None or at < self._timer_at):
            self._timer.cancel()
            self._timer = None
        if self._timer is None and at is not None:
            self._timer_at = at
            self._timer = asyncio.create_task(self._wake_up(at - now + _TICK_S))

    async def _wake_up(self, after_s: float) -> None:
        await self.clock.sleep(after_s)
        self._timer = None
        self.serve()

    def _refuse(self, ticket: Ticket) -> ApiError:
        room = self.lane.room
        if room.cap is not None:
            return ApiError.rate_limit(
                f"The limit {self.name} is reached: {room.cap:,} requests are under way, and this "
                "one has waited as long as it may.",
                retry_after_s=1,
            )
        limits = " and ".join(room.list_limits()) or "the upstream"
        wait_s = math.ceil(self.lane.estimate_wait(self.clock.now(), ticket))
        return ApiError.rate_limit(
            f"This request would exceed the rate limit of {limits} ({self.name}), and has waited "
            "for its turn as long as it may.",
            retry_after_s=min(_LONGEST_RETRY_S, max(1, wait_s)),
        )
