"""The way of one batch to the upstream and back. Pure, over `now` in Unix seconds.

The Batches API takes no idempotency key, and a batch does not show whose it is before it has ended.
So that no request is sent twice, whatever breaks off when:

1. `unsure` is on the shelf before the first byte of a batch goes out, and is left only by an answer
   that settles it: the batch's id, or a refusal that says that there is no batch.
2. From `unsure` (the process was killed, the connection broke, the upstream failed) nothing is
   sent. It is looked for: among the upstream's batches, those made about that time of as many
   requests. One that has ended is known by a `custom_id` in its results; one that has not is
   waited for.
3. Only when no such batch is left, a minute or more after the connection was lost, is it sent
   again. That a batch is listed within a minute of its creation is a guess.
"""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic_core import from_json, to_json

from tanzaku.gateway.batching._deferred import Group
from tanzaku.ledger import ShelfRow

PARCEL: Final = "later_batch"
"""The kind of its rows: part 0 is its state, part 1 the ids in it."""

type Stage = Literal["ready", "unsure", "sent", "ended", "closed"]

_LISTED_AFTER_S: Final = 60.0
_SKEW_S: Final = 120.0
_FIRST_RETRY_S: Final = 5.0
_LONGEST_WAIT_S: Final = 300.0
# A batch expires after 24 hours; with two more for its results it is given up.
_GIVE_UP_S: Final = 26 * 3600.0
# Answers to a creation after which there may be a batch all the same: the request was taken, and
# something failed later. 529 is said before a request is taken (a guess).
_DOUBTFUL: Final = frozenset(range(500, 600)) - {529}
_FINAL: Final = frozenset({400, 413, 422})


@dataclass(slots=True)
class Parcel:
    """A batch of ours. `count` is how many of `ids` went out, `sent_at` when they began to,
    `lost_at` when the outcome became unknown; `next_at` is when the next step is due."""

    id: str
    group: Group
    ids: list[str]
    made_at: float
    poll_s: float
    stage: Stage = "ready"
    batch_id: str = ""
    count: int = 0
    sent_at: float = 0.0
    lost_at: float = 0.0
    next_at: float = 0.0
    tries: int = 0

    def begin(self, count: int, now: float) -> None:
        """It is about to be sent."""
        self.stage, self.count, self.sent_at = "unsure", count, now

    def take_created(self, batch_id: str, now: float) -> None:
        """It is at the upstream, under this id."""
        self.stage, self.batch_id, self.tries = "sent", batch_id, 0
        self.next_at = now + self.poll_s

    def take_refusal(self, status: int, retry_after_s: float | None, now: float) -> bool:
        """Its creation was answered with an error; true when it will never be taken."""
        if status in _DOUBTFUL:
            self.take_silence(now)
            return False
        self.stage = "ready"
        self._back_off(retry_after_s, now)
        return status in _FINAL

    def take_unsent(self, now: float) -> None:
        """Nothing of it has left."""
        self.stage = "ready"
        self._back_off(None, now)

    def take_silence(self, now: float) -> None:
        """Nobody knows whether it arrived."""
        self.stage, self.lost_at = "unsure", now
        self.next_at = now + _LISTED_AFTER_S

    def may_be(self, created_at: float, requests: int) -> bool:
        """Whether a batch of the upstream may be this one, by its time and its size."""
        is_then = self.sent_at - _SKEW_S <= created_at <= self.lost_at + _SKEW_S
        return is_then and requests == self.count

    def is_before(self, created_at: float) -> bool:
        """Whether a batch is too old to be this one."""
        return created_at < self.sent_at - _SKEW_S

    def take_absent(self, *, is_one_open: bool, now: float) -> None:
        """It was looked for and not found. `is_one_open`: a batch that may be it has not ended."""
        if is_one_open:
            self._back_off(None, now, self.poll_s)
        else:
            self.stage, self.tries, self.next_at = "ready", 0, now

    def take_status(self, status: str, retry_after_s: float | None, now: float) -> None:
        """Its `processing_status` is known again."""
        if status == "ended":
            self.stage, self.tries, self.next_at = "ended", 0, now
        else:
            self._back_off(retry_after_s, now, self.poll_s)

    def take_trouble(self, retry_after_s: float | None, now: float) -> None:
        """A look at it failed."""
        self._back_off(retry_after_s, now)

    def is_given_up(self, now: float) -> bool:
        """Whether no answer can be expected of it any more."""
        return self.stage in ("unsure", "sent", "ended") and now >= self.sent_at + _GIVE_UP_S

    def _back_off(
        self, retry_after_s: float | None, now: float, first_s: float = _FIRST_RETRY_S
    ) -> None:
        own_s = min(_LONGEST_WAIT_S, first_s * 1.5 ** min(self.tries, 64))
        self.tries += 1
        self.next_at = now + max(own_s, retry_after_s or 0.0)


def build_state_row(parcel: Parcel) -> ShelfRow:
    """The row that changes."""
    group = parcel.group
    facts = {
        "group": [group.upstream, group.headers, group.query],
        "stage": parcel.stage,
        "batch_id": parcel.batch_id,
        "count": parcel.count,
        "sent_at": parcel.sent_at,
    }
    return ShelfRow(PARCEL, parcel.id, parcel.made_at, facts=to_json(facts))


def build_ids_row(parcel: Parcel) -> ShelfRow:
    """The row that is written once."""
    return ShelfRow(PARCEL, parcel.id, parcel.made_at, 1, body="\n".join(parcel.ids).encode())


def restore_parcel(state: ShelfRow, ids: ShelfRow, poll_s: float, now: float) -> Parcel:
    """A parcel as the process before left it; what that was at is unknown."""
    kept = from_json(state.facts)
    upstream, headers, query = kept["group"]
    parcel = Parcel(
        state.id,
        Group(upstream, tuple((name, value) for name, value in headers), query),
        ids.body.decode().split("\n"),
        state.created_at,
        poll_s,
        kept["stage"],
        kept["batch_id"],
        kept["count"],
        kept["sent_at"],
        next_at=now,
    )
    if parcel.stage == "unsure":
        parcel.take_silence(now)
    return parcel
