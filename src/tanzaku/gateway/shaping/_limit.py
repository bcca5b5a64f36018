"""What is left of an upstream's limit, as far as its answers and our own calls tell.

Guesses, since no page says them: a limit refills evenly (the page says "continuously") from its
whole amount down to below zero; figures of tokens are rounded to the nearest thousand, as the page
says of `remaining` alone; the upstream's clock goes like ours.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from tanzaku.transport import HeaderList
from tanzaku.wire import RATE_LIMIT_HEADERS

type Kind = Literal["requests", "input-tokens", "output-tokens"]

KINDS: Final[tuple[Kind, ...]] = ("requests", "input-tokens", "output-tokens")
MINUTE_S: Final = 60.0
_HALF_A_THOUSAND: Final = 500
_TOO_MANY: Final = 1 << 53
# Far below what any limit counts in, above what float arithmetic gets wrong.
_SLACK: Final = 1e-6
_JUST_NOT_ONE: Final = 0.99


class LimitState(NamedTuple):
    """What an answer says of one limit: a minute's amount, what is left, and the Unix second in
    which all is there again (None where it does not say)."""

    limit: int
    remaining: int
    reset_at: float | None


class Limit:
    """An amount a minute that refills evenly; nothing is limited until `limit` is known.

    `booked` is all that was ever taken, so that two moments can be compared.
    """

    __slots__ = ("_at", "_slack", "booked", "level", "limit")

    def __init__(self, kind: Kind) -> None:
        self.limit: int | None = None
        self.level = math.inf
        self.booked = 0.0
        self._at: float | None = None
        self._slack = 0 if kind == "requests" else _HALF_A_THOUSAND

    def refill(self, now: float) -> None:
        """Bring `level` up to date; time that goes back refills nothing."""
        if self._at is None:
            self._at = now
        elif self.limit is not None and now > self._at:
            self.level = min(self.limit, self.level + (now - self._at) * self.limit / MINUTE_S)
            self._at = now

    def book(self, amount: float) -> None:
        """Take `amount`, or give back a negative one."""
        self.booked += amount
        if self.limit is not None:
            self.level = min(self.limit, self.level - amount)

    def find_wait(self, amount: float) -> float:
        """Seconds from the last refill until there is `amount`."""
        if self.limit is None:
            return 0.0
        missing = amount - self.level
        return missing * MINUTE_S / self.limit if missing > _SLACK else 0.0

    def learn(self, now: float, state: LimitState, mark: float, age_s: float) -> None:
        """Go by what an answer said whose request went `age_s` seconds ago, when `booked` was
        `mark`.

        No page tells of which moment since then its figures are: so the level is brought to between
        what it is now by the oldest of them and by the newest.
        """
        if not state.limit:
            # No call passes such a limit: let the upstream say so itself.
            self.limit, self.level = None, math.inf
            return
        per_s = state.limit / MINUTE_S
        self.limit = state.limit
        self.refill(now)
        if state.remaining or state.reset_at is None:
            rounded = self._slack if state.remaining < state.limit else 0
            least = float(state.remaining - rounded)
            most = least + age_s * per_s
        else:
            # Nothing, rounded, or less than that; and the time has been rounded up.
            left = state.limit - (state.reset_at - now) * per_s
            least = most = min(left, self._slack or _JUST_NOT_ONE)
        self.level = min(max(self.level, least - (self.booked - mark)), most, state.limit)


def parse_limits(headers: HeaderList) -> Mapping[Kind, LimitState]:
    """What an answer's headers say of each limit they speak of; nonsense says nothing."""
    found = dict(headers)
    states: dict[Kind, LimitState] = {}
    for kind in KINDS:
        names = RATE_LIMIT_HEADERS[kind]
        limit, remaining = found.get(names.limit), found.get(names.remaining)
        if limit is not None and remaining is not None and limit.isdigit() and remaining.isdigit():
            state = LimitState(int(limit), int(remaining), _parse_time(found.get(names.reset)))
            if state.limit < _TOO_MANY:
                states[kind] = state
    return states


@lru_cache(maxsize=256)
def _parse_time(value: bytes | None) -> float | None:
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value.decode("ascii"))
    except ValueError:
        return None
    return None if time.tzinfo is None else time.timestamp()
