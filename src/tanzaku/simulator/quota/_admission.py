"""A message that was let in: its counts become exact as its answer comes about."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal

from tanzaku.simulator._cache import CacheUsage
from tanzaku.simulator.quota._headers import HeaderPairs, format_limits
from tanzaku.simulator.quota._lane import Commitment, Lane

_FREE: Final = Decimal(0)


class Admission:
    """One message under way. `service_tier` is what the answer's usage says of it."""

    __slots__ = (
        "_commitment",
        "_estimate",
        "_is_open",
        "_lane",
        "_settle",
        "_workspace",
        "service_tier",
    )

    def __init__(
        self,
        now: float,
        lane: Lane,
        commitment: Commitment | None,
        input_tokens: int,
        workspace: str | None,
        settle: Callable[[float, Decimal, str | None], None],
    ) -> None:
        lane.draw(now, input_tokens)
        is_priority = commitment is not None and commitment.take(now, input_tokens)
        self.service_tier: Literal["standard", "priority"] = (
            "priority" if is_priority else "standard"
        )
        self._lane = lane
        self._commitment = commitment
        self._estimate = input_tokens
        self._workspace = workspace
        self._settle = settle
        self._is_open = True

    def correct(self, now: float, usage: CacheUsage) -> None:
        """The prompt is counted and looked up in the cache: put the estimate right. At most once."""
        counted = self._lane.count_input(usage)
        self._lane.correct_input(now, self._estimate - counted)
        if self._commitment is not None and self.service_tier == "priority":
            self._commitment.correct_input(now, self._estimate, usage)

    def finish(self, now: float, output_tokens: int, cost_usd: Decimal = _FREE) -> None:
        """The answer is over, whole or cut, with this many tokens made and this cost; only the
        first call counts."""
        if not self._is_open:
            return
        self._is_open = False
        self._lane.draw_output(now, output_tokens)
        if self._commitment is not None and self.service_tier == "priority":
            self._commitment.draw_output(now, output_tokens)
        self._settle(now, cost_usd, self._workspace)

    def headers(self, now: float) -> HeaderPairs:
        """The limit headers of an answer that is sent at `now`."""
        return format_limits(now, self._lane, self._commitment)
