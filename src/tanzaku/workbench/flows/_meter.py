"""Budgets of an execution: the worst case is held before a request, what it cost is charged after.

A machine without I/O. Budgets nest: a request must fit into its case's, its suite's and the whole
one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from tanzaku.core.plain_yaml import Entry

_MAX_USD: Final = 1e6
_MAX_TOKENS: Final = 10**12

type Room = Literal["held", "later", "never"]
"""`later`: not beside what is under way, perhaps after it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent at most: dollars and output tokens. None is no limit."""

    usd: Decimal | None = None
    output_tokens: int | None = None


def read_budget(entry: Entry | None) -> Budget:
    """A `budget` of a file. Raises InputFileError."""
    if entry is None:
        return Budget()
    fields = entry.as_fields(("usd", "output_tokens"))
    usd, tokens = fields.get("usd"), fields.get("output_tokens")
    return Budget(
        usd=None if usd is None else Decimal(str(usd.as_number(0, _MAX_USD))),
        output_tokens=None if tokens is None else tokens.as_integer(0, _MAX_TOKENS),
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a request can cost. `usd` None: nobody can say."""

    usd: Decimal | None
    output_tokens: int


FREE = Bound(Decimal(0), 0)


class Account:
    """One budget: `name` says whose, for messages."""

    def __init__(self, name: str, budget: Budget) -> None:
        self.name = name
        self.budget = budget
        self.usd = Decimal(0)
        self.output_tokens = 0
        self.held_usd = Decimal(0)
        self.held_tokens = 0

    @property
    def is_limited(self) -> bool:
        return self.budget.usd is not None or self.budget.output_tokens is not None

    def find_room(self, bound: Bound) -> Room:
        """Whether `bound` fits beside what was spent and what is held."""
        rooms: list[Room] = []
        if (most := self.budget.usd) is not None:
            if bound.usd is None or self.usd + bound.usd > most:
                return "never"
            rooms.append("held" if self.usd + self.held_usd + bound.usd <= most else "later")
        if (most_tokens := self.budget.output_tokens) is not None:
            if self.output_tokens + bound.output_tokens > most_tokens:
                return "never"
            whole = self.output_tokens + self.held_tokens + bound.output_tokens
            rooms.append("held" if whole <= most_tokens else "later")
        return "later" if "later" in rooms else "held"

    def hold(self, bound: Bound) -> None:
        self.held_usd += bound.usd or 0
        self.held_tokens += bound.output_tokens

    def charge(self, bound: Bound, spent: Bound) -> None:
        """What was held for `bound` is free again; `spent` was."""
        self.held_usd -= bound.usd or 0
        self.held_tokens -= bound.output_tokens
        self.usd += spent.usd or 0
        self.output_tokens += spent.output_tokens


def try_hold(accounts: Sequence[Account], bound: Bound) -> tuple[Room, Account | None]:
    """Hold `bound` in all accounts or in none; which account has no room for it."""
    tightest: tuple[Room, Account | None] = ("held", None)
    for account in accounts:
        room = account.find_room(bound)
        if room == "never":
            return room, account
        if room == "later":
            tightest = room, account
    if tightest[0] == "held":
        for account in accounts:
            account.hold(bound)
    return tightest
