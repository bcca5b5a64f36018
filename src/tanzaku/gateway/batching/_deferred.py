"""A deferred call: what is known of it in memory, and what the shelf keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic_core import from_json, to_json

from tanzaku.gateway._stages import Caller, Worst
from tanzaku.ledger import ShelfRow

LATER: Final = "later"
"""The kind of its row, whose body is the request, later the answer."""

type State = Literal["queued", "sent", "direct", "ended", "canceled"]
type Way = Literal["batch", "direct", "none"]
"""How an answer came: in a batch, asked for by itself, or not from an upstream at all."""


@dataclass(frozen=True, slots=True)
class Group:
    """What the requests of one batch have in common: the upstream, and the headers and the query
    that hold for a batch as a whole (version, betas, workspace; never a credential)."""

    upstream: str
    headers: tuple[tuple[str, str], ...]
    query: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Hashes, in hex, of who asks under which idempotency key, and of what is asked."""

    name: str
    request: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What stays the same from the acceptance of a call to its record."""

    group: Group
    caller: Caller
    model: str
    labels: Mapping[str, str]
    made_at: float
    deadline: float | None
    size: int
    worst: Worst | None
    claim: Claim | None = None


@dataclass(slots=True)
class Deferred:
    """A call in memory. `size` is its body's in bytes; times are Unix seconds. `state` is `queued`
    until it is sent in a batch, `direct` while it is being ended without one: sent by itself, or
    taken back. `way` is how the answer came, once there is one."""

    id: str
    group: Group
    key_id: str
    made_at: float
    deadline: float | None
    size: int
    state: State = "queued"
    way: Way = "none"
    claim: Claim | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("ended", "canceled")

    def is_late(self, now: float) -> bool:
        """Whether its deadline has passed without an answer."""
        return not self.is_over and self.deadline is not None and now >= self.deadline


def build_row(
    deferred_id: str,
    facts: Facts,
    state: State,
    body: bytes,
    *,
    status: int = 0,
    way: Way = "none",
    expires_at: float | None = None,
) -> ShelfRow:
    """The row of a call. `status` is its answer's once it has one."""
    caller, worst, claim = facts.caller, facts.worst, facts.claim
    kept = {
        "group": [facts.group.upstream, facts.group.headers, facts.group.query],
        "caller": [caller.key_id, caller.team, caller.owner, caller.tags],
        "model": facts.model,
        "labels": dict(facts.labels),
        "deadline": facts.deadline,
        "size": facts.size,
        "worst": worst
        and [
            None if worst.usd is None else str(worst.usd),
            worst.input_tokens,
            worst.output_tokens,
        ],
        "state": state,
        "status": status,
        "way": way,
        "claim": claim and [claim.name, claim.request],
    }
    return ShelfRow(
        LATER, deferred_id, facts.made_at, facts=to_json(kept), body=body, expires_at=expires_at
    )


def read_facts(row: ShelfRow) -> Facts:
    """The facts of a row."""
    kept = from_json(row.facts)
    key_id, team, owner, tags = kept["caller"]
    worst = kept["worst"]
    if worst is not None:
        usd, *tokens = worst
        worst = Worst(None if usd is None else Decimal(usd), *tokens)
    return Facts(
        _read_group(kept["group"]),
        Caller(key_id, team, owner, tuple(tags)),
        kept["model"],
        kept["labels"],
        row.created_at,
        kept["deadline"],
        kept["size"],
        worst,
        _read_claim(kept),
    )


def read_status(row: ShelfRow) -> int:
    """The status of the answer in a row."""
    status: int = from_json(row.facts)["status"]
    return status


def read_deferred(row: ShelfRow) -> Deferred:
    """The call of a row, as memory holds it."""
    kept = from_json(row.facts)
    return Deferred(
        row.id,
        _read_group(kept["group"]),
        kept["caller"][0],
        row.created_at,
        kept["deadline"],
        kept["size"],
        kept["state"],
        kept["way"],
        _read_claim(kept),
    )


def _read_claim(kept: Mapping[str, Any]) -> Claim | None:
    claim = kept.get("claim")  # older rows have none
    return None if claim is None else Claim(*claim)


def _read_group(kept: list[Any]) -> Group:
    upstream, headers, query = kept
    return Group(upstream, tuple((name, value) for name, value in headers), query)
