"""The ramp limit: how fast usage may grow.

The API documents that a sharp increase of usage is refused. Users have seen the refusal's text,
which names a limit for the minute and a higher one from the next minute boundary on. All the rest
is a guess: that input tokens are counted, per model class; a first minute gets `start`; a minute
may use `step` more than the one before used, or was allowed where it had to refuse something; and
nothing more than the limit itself.
"""

from tanzaku.simulator.quota._settings import RampSettings


class Ramp:
    """The allowance of one model class, in input tokens a minute."""

    def __init__(self, settings: RampSettings, limit: int) -> None:
        self._limit = limit
        self._start = round(settings.start * limit)
        self._step = round(settings.step * limit)
        self._minute = 0
        self._used = 0
        self._has_refused = False
        self.allowance = self._start

    def has_room(self, now: float, tokens: int) -> bool:
        """Whether `tokens` more fit into the minute; remembers that something did not."""
        self._turn_minute(int(now // 60))
        if self._used + tokens <= self.allowance:
            return True
        self._has_refused = True
        return False

    def add(self, now: float, tokens: int) -> None:
        """Count tokens (a negative number takes too many back)."""
        self._turn_minute(int(now // 60))
        self._used = max(0, self._used + tokens)

    def next_allowance(self) -> int:
        """What the next minute may use, as things stand."""
        grown = (self.allowance if self._has_refused else self._used) + self._step
        return min(self._limit, max(self._start, grown))

    def _turn_minute(self, minute: int) -> None:
        if minute == self._minute:
            return
        is_next = minute == self._minute + 1
        self.allowance = self.next_allowance() if is_next else self._start
        self._minute, self._used, self._has_refused = minute, 0, False
