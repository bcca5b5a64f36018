"""The life of one batch, over `now` in Unix seconds: pure, so that any clock may drive it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from tanzaku.core import format_rfc3339
from tanzaku.simulator._chance import Chance
from tanzaku.wire import ApiError, MessageBatch

type Outcome = Literal["succeeded", "errored", "canceled", "expired"]
type Status = Literal["in_progress", "canceling", "ended"]

# platform.claude.com build-with-claude/batch-processing, 2026-09-02.
EXPIRES_AFTER_S = 24 * 3600.0
RESULTS_FOR_S = 29 * 86_400.0

# How long a batch takes is a guess. Seen in public notes of September 2026: 3 to 11 minutes for 1
# to 10 requests, 12 minutes for 1,195, 25 seconds from a cancel to the end; the documentation says
# that most end within an hour.
_BASE_MS = (180_000, 660_000)
_PER_REQUEST_S = 0.03
_CANCEL_S = 25.0
# Shorter than this is at once.
_LEAST_DURATION_S = 0.001
# A float of Unix seconds is good to half a microsecond.
_SLACK_S = 1e-6


@dataclass(slots=True)
class BatchLife:
    """From `in_progress`, maybe by `canceling`, to `ended`.

    The requests are sent to the model evenly over `duration_s`; 0 means all of them as soon as
    anybody looks at the batch, and none when it is canceled before that. `cancel_takes_s` is the
    time between a cancel and the end. What was not sent when the batch was canceled, or 24 hours
    after its creation, is never sent.
    """

    total: int
    created_at: float
    duration_s: float = 0.0
    cancel_takes_s: float = 0.0
    cancel_initiated_at: float | None = None
    ended_at: float | None = None
    counts: dict[Outcome, int] = field(
        default_factory=lambda: {"succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
    )

    @classmethod
    def begin(cls, total: int, now: float, speed: float, chance: Chance) -> "BatchLife":
        """A new batch of `total` requests. `speed` is how many times as fast as the real service
        it is worked off: 1 like it, infinity at once."""
        low, high = _BASE_MS
        base_s = (low + chance.below(high - low + 1)) / 1000
        duration_s = (base_s + total * _PER_REQUEST_S) / speed
        if duration_s < _LEAST_DURATION_S:
            return cls(total, now)
        return cls(total, now, duration_s, _CANCEL_S / speed)

    @property
    def status(self) -> Status:
        if self.ended_at is not None:
            return "ended"
        return "in_progress" if self.cancel_initiated_at is None else "canceling"

    @property
    def done(self) -> int:
        """How many requests have an outcome."""
        return sum(self.counts.values())

    @property
    def expires_at(self) -> float:
        return self.created_at + EXPIRES_AFTER_S

    @property
    def results_until(self) -> float:
        """When the results cease to be available, and the batch is archived."""
        return self.created_at + RESULTS_FOR_S

    @property
    def ends_at(self) -> float:
        """When the batch is over, as far as is known by now."""
        if self.cancel_initiated_at is not None:
            return self.cancel_initiated_at + self.cancel_takes_s
        return min(self.created_at + self.duration_s, self.expires_at)

    def due(self, now: float) -> int:
        """How many requests have been sent to the model by `now`."""
        if self.duration_s == 0:
            return self.total if self.cancel_initiated_at is None else self.done
        until = min(now, self.expires_at)
        if self.cancel_initiated_at is not None:
            until = min(until, self.cancel_initiated_at)
        if until >= self.created_at + self.duration_s:
            return self.total
        share = (until - self.created_at + _SLACK_S) / self.duration_s
        return min(self.total, int(self.total * share))

    def is_behind(self, now: float) -> bool:
        """Whether something is left to do by `now`: requests to answer, or the end to come."""
        return self.ended_at is None and (now >= self.ends_at or self.done < self.due(now))

    def next_due_at(self, requests: int) -> float:
        """When `requests` more will be due, or the batch is over."""
        share = min(self.total, self.done + requests) / self.total
        return min(self.created_at + self.duration_s * share, self.ends_at)

    def record(self, outcome: Outcome) -> None:
        """One more request has its outcome."""
        self.counts[outcome] += 1

    @property
    def leftover(self) -> Outcome:
        """The outcome of a request that was not sent in time."""
        return "expired" if self.cancel_initiated_at is None else "canceled"

    def cancel(self, batch_id: str, now: float) -> None:
        """Send no further request. Nothing changes when that was asked for already (a guess);
        ApiError 400 when the batch has ended (a guess, and so is the text)."""
        is_over = self.duration_s > 0 and now >= self.ends_at
        if self.ended_at is not None or (is_over and self.cancel_initiated_at is None):
            raise ApiError.invalid_request(
                f"Message Batch {batch_id} cannot be canceled because it has already ended."
            )
        if self.cancel_initiated_at is None:
            self.cancel_initiated_at = now

    def end(self) -> None:
        """Every request has its outcome."""
        self.ended_at = self.ends_at

    def has_results(self, now: float) -> bool:
        return self.ended_at is not None and now < self.results_until

    def describe(self, batch_id: str, now: float, results_url: str) -> MessageBatch:
        """The batch as the API shows it; `results_url` is where its results are once they are.

        Counts other than `processing` stay 0 until the end.
        """
        is_archived = self.ended_at is not None and now >= self.results_until
        counts: Any = {"processing": 0, **self.counts}
        if self.ended_at is None:
            counts = {**dict.fromkeys(counts, 0), "processing": self.total}
        return {
            "id": batch_id,
            "type": "message_batch",
            "processing_status": self.status,
            "request_counts": counts,
            "ended_at": _render(self.ended_at),
            "created_at": format_rfc3339(self.created_at),
            "expires_at": format_rfc3339(self.expires_at),
            "archived_at": _render(self.results_until) if is_archived else None,
            "cancel_initiated_at": _render(self.cancel_initiated_at),
            "results_url": results_url if self.has_results(now) else None,
        }


def _render(at: float | None) -> str | None:
    return None if at is None else format_rfc3339(at)
