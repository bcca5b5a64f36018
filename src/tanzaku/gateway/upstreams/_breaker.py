"""A circuit breaker: whether an upstream that fails is asked at all. A pure machine over now."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from tanzaku.gateway.upstreams._settings import BreakerSettings

type BreakerState = Literal["closed", "open", "half_open"]

_STEPS = 10


@dataclass(slots=True)
class _Step:
    """What ended in one tenth of the window."""

    since: float
    ended: int = 0
    failed: int = 0


class Breaker:
    """Closed while all is well: every call may go. It opens once, of the calls that ended within
    `window_s`, at least `failures` and at least the share `share` failed; then none may go for
    `open_s`. After that it is half open: one call at a time tries, and what becomes of the first
    that ends decides. The window slides in tenths. Times are seconds of one monotonic clock.
    """

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._steps: deque[_Step] = deque()
        self._opened_at: float | None = None
        self._is_tried = False

    def state(self, now: float) -> BreakerState:
        """The state at `now`."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if self.find_wait(now) <= 0 else "open"

    def find_wait(self, now: float) -> float:
        """Seconds until a call may go again; 0 or less unless it is open."""
        return 0.0 if self._opened_at is None else self._opened_at + self._settings.open_s - now

    def admits(self, now: float) -> bool:
        """Whether a call may go now; changes nothing."""
        return self._opened_at is None or (not self._is_tried and self.find_wait(now) <= 0)

    def begin(self, now: float) -> bool:
        """A call goes; whether it is the one that tries. Its end is told with `end`."""
        is_trial = self._opened_at is not None and self.admits(now)
        self._is_tried |= is_trial
        return is_trial

    def end(self, now: float, *, failed: bool | None, is_trial: bool) -> None:
        """What became of a call; `failed` is None where that is not known, because its client left.

        Of calls that began before it opened it learns nothing more.
        """
        if is_trial:
            self._is_tried = False
            if failed is False:
                self._opened_at = None
                self._steps.clear()
            elif failed:
                self._opened_at = now
        elif self._opened_at is None and failed is not None:
            self._count(now, failed=failed)

    def _count(self, now: float, *, failed: bool) -> None:
        steps, window_s = self._steps, self._settings.window_s
        if not steps or now >= steps[-1].since + window_s / _STEPS:
            steps.append(_Step(now))
            while steps[0].since <= now - window_s:
                steps.popleft()
        steps[-1].ended += 1
        if failed:
            steps[-1].failed += 1
            failures = sum(step.failed for step in steps)
            ended = sum(step.ended for step in steps)
            if failures >= self._settings.failures and failures >= ended * self._settings.share:
                self._opened_at = now
                steps.clear()
