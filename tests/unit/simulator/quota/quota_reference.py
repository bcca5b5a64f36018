"""Rate limits as the documentation tells them: slow, exact, and with nothing clever in it.

Every limit keeps a list of all that was ever taken, and adds it up again from the start whenever it
is asked, in fractions. How long to wait is found by trying one second after the other.
"""

import itertools
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Limit:
    """So much a minute. `entries` are (time, amount taken); a negative amount was put back."""

    per_minute: int
    entries: list[tuple[Fraction, Fraction]] = field(default_factory=list)

    def left(self, now: Fraction) -> Fraction:
        level, at = Fraction(self.per_minute), None
        for time, amount in self.entries:
            level = self.refill(level, at, time)
            level, at = min(level - amount, Fraction(self.per_minute)), time
        return self.refill(level, at, now)

    def refill(self, level: Fraction, since: Fraction | None, now: Fraction) -> Fraction:
        if since is None:
            return level
        refilled = level + (now - since) * Fraction(self.per_minute, 60)
        return min(refilled, Fraction(self.per_minute))

    def take(self, now: Fraction, amount: int | Fraction) -> None:
        self.entries.append((now, Fraction(amount)))

    def seconds_until(self, now: Fraction, amount: int) -> int | None:
        """Whole seconds until there is `amount`, or None when there never is."""
        if amount > self.per_minute:
            return None
        return next(s for s in itertools.count() if self.left(now + s) >= amount)

    def full_at(self, now: Fraction) -> Fraction:
        """When all is there again."""
        missing = self.per_minute - self.left(now)
        return now + missing / Fraction(self.per_minute, 60) if missing else now


@dataclass
class Sent:
    limits: list[tuple[str, Limit]]
    estimate: int

    def correct(self, now: Fraction, tokens: int) -> None:
        for kind, limit in self.limits:
            if kind == "input tokens":
                limit.take(now, tokens - self.estimate)

    def finish(self, now: Fraction, tokens: int) -> None:
        for kind, limit in self.limits:
            if kind == "output tokens":
                limit.take(now, tokens)


class ReferenceQuota:
    """`figures` are (requests, input tokens, output tokens) by pool, or by (workspace, pool)."""

    KINDS = ("requests", "input tokens", "output tokens")

    def __init__(self, figures: dict[str | tuple[str, str], tuple[int, int, int]]) -> None:
        self.limits = {
            owner: list(zip(self.KINDS, map(Limit, three), strict=True))
            for owner, three in figures.items()
        }

    def find(self, workspace: str, pool: str) -> list[tuple[str, Limit]]:
        return self.limits.get(pool, []) + self.limits.get((workspace, pool), [])

    def admit(
        self, now: Fraction, workspace: str, pool: str, tokens: int
    ) -> Sent | dict[str, list[int | None]]:
        """What was sent, or for every limit in the way the seconds to wait, by kind."""
        limits = self.find(workspace, pool)
        needs = {"requests": 1, "input tokens": tokens, "output tokens": 1}
        waits: dict[str, list[int | None]] = {}
        for kind, limit in limits:
            if limit.left(now) < needs[kind]:
                waits.setdefault(kind, []).append(limit.seconds_until(now, needs[kind]))
        if waits:
            return waits
        for kind, limit in limits:
            if kind != "output tokens":
                limit.take(now, needs[kind])
        return Sent(limits, tokens)
