"""What was seen of prefixes: when, how often again in time, and what the upstream should hold."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tanzaku.gateway.placement._insert import Ttl

LIFETIMES_S: Final[dict[Ttl, float]] = {"5m": 300.0, "1h": 3600.0}
_MOST_ENDS: Final = 4096
_MOST_SCOPES: Final = 1000


class Returns:
    """How often something came again within a lifetime, of all the times one could tell."""

    __slots__ = ("_told", "_within")

    def __init__(self) -> None:
        self._told: dict[Ttl, int] = dict.fromkeys(LIFETIMES_S, 0)
        self._within: dict[Ttl, int] = dict.fromkeys(LIFETIMES_S, 0)

    def note(self, ttl: Ttl, *, in_time: bool) -> None:
        """One time that can be told."""
        self._told[ttl] += 1
        self._within[ttl] += in_time

    @property
    def is_told(self) -> bool:
        """Whether there was such a time."""
        return self._told["5m"] > 0

    def estimate(self, ttl: Ttl) -> float:
        """The chance that it comes again in time, as if it had once stayed away."""
        return self._within[ttl] / (self._told[ttl] + 1)


@dataclass(slots=True)
class Sighting:
    """One prefix. `tokens` is None until they were counted; `readable_until` is when the upstream
    should forget it; until `written_by` another call may still be writing it."""

    seen_at: float
    returns: Returns = field(default_factory=Returns)
    tokens: int | None = None
    ttl: Ttl = "5m"
    readable_until: float = 0.0
    written_by: float = 0.0


@dataclass(slots=True)
class Scope:
    """The account of one upstream's cache, in pico-dollars, and how often prompts were continued.

    `paid` is what all prompts would have cost without the cache, `balance` what the cache has
    saved so far, `at_risk` what calls under way add to their price and may not get back.
    `is_trusted`: what should have been readable was, the last time.
    """

    paid: int = 0
    balance: int = 0
    at_risk: int = 0
    is_trusted: bool = True
    returns: Returns = field(default_factory=Returns)
    ends: dict[Ttl, OrderedDict[bytes, float]] = field(
        default_factory=lambda: {ttl: OrderedDict() for ttl in LIFETIMES_S}
    )

    def note_prompt(self, digests: Sequence[bytes], now: float) -> None:
        """A prompt came by, its prefixes in order; the last may be continued in turn."""
        for ttl, lifetime_s in LIFETIMES_S.items():
            ends = self.ends[ttl]
            while ends and (
                next(iter(ends.values())) <= now - lifetime_s or len(ends) >= _MOST_ENDS
            ):
                ends.popitem(last=False)
                self.returns.note(ttl, in_time=False)
            for digest in digests:
                if ends.pop(digest, None) is not None:
                    self.returns.note(ttl, in_time=True)
            ends[digests[-1]] = now


class Memory:
    """Sightings of all scopes, `most` of them (some 500 bytes each); the one seen longest ago is
    forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sightings: OrderedDict[tuple[str, bytes], Sighting] = OrderedDict()
        self._scopes: OrderedDict[str, Scope] = OrderedDict()

    def get_scope(self, name: str) -> Scope:
        """The scope's account, a new one where there is none."""
        scope = self._scopes.get(name)
        if scope is None:
            while len(self._scopes) >= _MOST_SCOPES:
                self._scopes.popitem(last=False)
            scope = self._scopes[name] = Scope()
        self._scopes.move_to_end(name)
        return scope

    def find(self, scope: str, digest: bytes) -> Sighting | None:
        """What is known of a prefix."""
        return self._sightings.get((scope, digest))

    def note(self, scope: str, digest: bytes, now: float) -> None:
        """The prefix came by."""
        sighting = self._sightings.get((scope, digest))
        if sighting is None:
            self._sightings[scope, digest] = Sighting(now)
            if len(self._sightings) > self._most:
                self._sightings.popitem(last=False)
            return
        for ttl, lifetime_s in LIFETIMES_S.items():
            sighting.returns.note(ttl, in_time=now - sighting.seen_at < lifetime_s)
        sighting.seen_at = now
        self._sightings.move_to_end((scope, digest))
