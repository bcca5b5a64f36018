"""How a ledger is kept."""

from dataclasses import dataclass, field
from typing import Literal

from tanzaku.ledger._privacy import Privacy
from tanzaku.ledger._prune import Retention

type Policy = Literal["strict", "best_effort"]


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """`privacy`: how much of an exchange is kept. `retention`: for how long.

    `policy` is what happens while storage takes nothing: with `strict` no exchange starts; with
    `best_effort` they go on and are counted as lost.
    `url` is a PostgreSQL database for whoever opens the ledger by these settings.
    """

    privacy: Privacy = "full"
    retention: Retention = Retention()  # noqa: RUF009 - frozen
    policy: Policy = "strict"
    url: str | None = field(default=None, repr=False)
