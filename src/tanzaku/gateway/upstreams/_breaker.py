"""A circuit breaker: whether an upstream that fails is asked at all. A pure machine over now."""

from collections import deque
from typing import Literal

from tanzaku.gateway.upstreams._settings import BreakerSettings

type BreakerState = Literal["closed", "open", "half_open"]


class Breaker:
    """Closed while all is well; open for `open_s` after `failures` within `window_s`; then half
    open: one request tries, and what becomes of it decides. A success closes it and forgets."""

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self._failed_at: deque[float] = deque(maxlen=settings.failures)
        self._opened_at: float | None = None
        self._trying_since: float | None = None

    def state(self, now: float) -> BreakerState:
        """The state at `now` (monotonic seconds)."""
        if self._opened_at is None:
            return "closed"
        return "open" if now < self._opened_at + self._settings.open_s else "half_open"

    def admits(self, now: float) -> bool:
        """Whether a request may go there now; changes nothing."""
        state = self.state(now)
        if state != "half_open":
            return state == "closed"
        # One that never came to an end (its client left) may not bar the way for ever.
        since = self._trying_since
        return since is None or now >= since + self._settings.open_s

    def open_until(self) -> float:
        """When the next request may try; only while it is open."""
        return 0.0 if self._opened_at is None else self._opened_at + self._settings.open_s

    def begin(self, now: float) -> None:
        """A request is sent."""
        if self._opened_at is not None:
            self._trying_since = now

    def succeed(self) -> None:
        """The upstream answered, and not with a failure of its own."""
        if self._failed_at or self._opened_at is not None:
            self._failed_at.clear()
            self._opened_at = self._trying_since = None

    def fail(self, now: float) -> None:
        """The upstream gave no answer, a 5xx or a 529."""
        self._failed_at.append(now)
        is_trial = self._opened_at is not None
        is_full = len(self._failed_at) == self._settings.failures
        if is_trial or (is_full and self._failed_at[0] > now - self._settings.window_s):
            self._opened_at = now
            self._trying_since = None
