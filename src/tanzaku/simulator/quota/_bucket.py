"""A token bucket: an amount that refills evenly, which is how limits a minute are enforced."""

import math
from typing import Final, Literal

type Unit = Literal[
    "requests",
    "input tokens",
    "output tokens",
    "fast mode input tokens",
    "fast mode output tokens",
]
type Owner = Literal["organization", "workspace"]

MINUTE_S: Final = 60.0
# Unix seconds as floats are no finer than 0.24 microseconds; this much of a refill is given early.
_GIVEN_EARLY_S: Final = 1e-6


class Bucket:
    """`limit` a minute, refilled continuously up to `capacity`; full when made.

    What is counted only after the fact may take `level` below zero; that refills first. Public
    attributes are read by whoever formats them, after `refill`; only `level` is written, and only
    after `refill` at the same time. Time that goes back refills nothing.
    """

    __slots__ = ("_at", "_rate", "_slack", "capacity", "level", "limit", "owner", "unit")

    def __init__(self, limit: int, unit: Unit, owner: Owner, burst_s: float = MINUTE_S) -> None:
        self.limit = limit
        self.unit = unit
        self.owner = owner
        self.capacity = limit if burst_s >= MINUTE_S else max(min(1, limit), limit * burst_s / 60)
        self.level: float = self.capacity
        self._rate = limit / MINUTE_S
        self._slack = self._rate * _GIVEN_EARLY_S
        self._at = 0.0

    def refill(self, now: float) -> float:
        """What there is now, a microsecond's refill more than `level` says."""
        elapsed = now - self._at
        level = self.level
        if elapsed > 0:
            self._at = now
            if level < self.capacity:
                level += elapsed * self._rate
                if level > self.capacity:
                    level = self.capacity
                self.level = level
        return level + self._slack

    def put_back(self, amount: float) -> None:
        """Return what was taken too much, or take (a negative amount) what was taken too little."""
        self.level = min(self.capacity, self.level + amount)

    def wait_s(self, amount: float) -> float:
        """From the last refill until there is `amount`; infinite when there never is."""
        if amount <= self.level + self._slack:
            return 0.0
        if amount > self.capacity:
            return math.inf
        return (amount - self.level) / self._rate

    def full_at(self) -> float:
        """The Unix second in which it is full when nothing more is taken."""
        missing = self.capacity - self.level
        return self._at + missing / self._rate if missing > 0 else self._at
