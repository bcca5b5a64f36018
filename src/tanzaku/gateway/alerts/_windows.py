"""Sums and percentiles of the last while, in memory that does not grow with the calls.

Time is cut into slices, SLICES of which make a window; it moves by a slice at a time. Durations are
counted in classes 2 % apart.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

SLICES: Final = 60
_CLASS: Final = math.log(1.02)
_SHORTEST_MS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """What alerts look at of one settled call. `at` is Unix seconds; `key` and `address` are empty
    where virtual keys are not in use."""

    at: float
    picousd: int
    is_error: bool
    total_ms: float
    key: str = ""
    address: str = ""


@dataclass(slots=True)
class Tally:
    """The sums of some calls."""

    calls: int = 0
    errors: int = 0
    picousd: int = 0
    durations: Counter[int] = field(default_factory=Counter)

    def add(self, sample: Sample) -> None:
        """Count one call; a call that ended in an error has no duration worth knowing."""
        self.calls += 1
        self.picousd += sample.picousd
        if sample.is_error:
            self.errors += 1
        else:
            self.durations[_classify(sample.total_ms)] += 1

    def merge(self, other: "Tally") -> None:
        """Count what the other has counted, too."""
        self.calls += other.calls
        self.errors += other.errors
        self.picousd += other.picousd
        self.durations.update(other.durations)

    @property
    def answered(self) -> int:
        """How many durations there are."""
        return self.calls - self.errors

    def find_p95_ms(self) -> float:
        """The duration that 95 % of the answered calls did not pass, at most 2 % too high; 0 for
        none."""
        rank, seen = math.ceil(0.95 * self.answered), 0
        for place in sorted(self.durations):
            seen += self.durations[place]
            if seen >= rank:
                return _SHORTEST_MS * math.exp(place * _CLASS)
        return 0.0


class Window:
    """The tally of the last `over_s` seconds: of the running slice and the SLICES - 1 before it."""

    def __init__(self, over_s: float) -> None:
        self._slice_s = over_s / SLICES
        self._slices: dict[int, Tally] = {}

    def add(self, sample: Sample) -> None:
        """Count one call, in whatever order they come."""
        place = int(sample.at // self._slice_s)
        tally = self._slices.get(place)
        if tally is None:
            tally = self._slices[place] = Tally()
        tally.add(sample)

    def sum(self, now: float) -> Tally:
        """What the window holds; older calls are forgotten."""
        last = int(now // self._slice_s)
        whole = Tally()
        for place in sorted(self._slices):
            if place <= last - SLICES:
                del self._slices[place]
            elif place <= last:
                whole.merge(self._slices[place])
        return whole


def _classify(total_ms: float) -> int:
    return max(0, math.ceil(math.log(max(total_ms, _SHORTEST_MS) / _SHORTEST_MS) / _CLASS))
