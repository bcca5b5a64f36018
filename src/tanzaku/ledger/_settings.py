"""How a ledger is kept."""

from dataclasses import dataclass
from typing import Literal

from tanzaku.ledger._privacy import Privacy
from tanzaku.ledger._prune import Retention

type Policy = Literal["strict", "best_effort"]


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """`privacy`: how much of an exchange is kept. `retention`: for how long.

    `policy` is what happens while the disk takes nothing: with `strict` no exchange starts, but one
    a second that tries whether it does again; with `best_effort` they go on and are counted as lost.
    """

    privacy: Privacy = "full"
    retention: Retention = Retention()  # noqa: RUF009 - frozen
    policy: Policy = "strict"
