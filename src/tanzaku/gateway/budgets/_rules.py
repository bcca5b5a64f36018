"""What a budget or a limit says, which calls it covers, and when it begins anew."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import inf
from typing import Final, Literal, NamedTuple

from tanzaku.gateway._stages import Caller

type Scope = Literal["all", "each key", "each team", "key", "team", "tag"]
type Period = Literal["minute", "day", "month", "total"]
type Unit = Literal["usd", "tokens", "input_tokens", "output_tokens", "requests", "concurrent"]

PICO: Final = 10**12
MINUTE_S: Final = 60
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """`most` of a unit in a period, for whom `scope` (and `name`) covers.

    `most` is whole: pico-dollars, tokens (`tokens` are those read and those written), requests, or
    requests at one time, which know no period. Days and months are those of the calendar in UTC, a
    minute is always the last one.
    """

    scope: Scope
    unit: Unit
    most: int
    period: Period = "total"
    name: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes it the same rule, whatever its amount."""
        return self.scope, self.name, self.unit, self.period

    @property
    def title(self) -> str:
        """`each key, usd per day`: how it is named in messages."""
        whom = f"{self.scope} {self.name}".strip()
        return f"{whom}, {self.unit}" + ("" if self.unit == "concurrent" else f" per {self.period}")

    def find_subject(self, caller: Caller) -> str | None:
        """Whose account a call is on; None when the rule does not cover it."""
        match self.scope:
            case "all":
                return ""
            case "each key":
                return caller.key_id or None
            case "each team":
                return caller.team or None
            case "key":
                return self.name if caller.key_id == self.name else None
            case "team":
                return self.name if caller.team == self.name else None
            case "tag":
                return self.name if self.name in caller.tags else None

    def show(self, amount: int) -> str:
        """An amount of its unit, for people."""
        if self.unit == "usd":
            return f"${Decimal(amount) / PICO:f}"
        return f"{amount:,}"


class Span(NamedTuple):
    """What starts from `starts_at` until before `ends_at` counts until `counts_until`; all Unix
    seconds."""

    starts_at: float
    ends_at: float
    counts_until: float


def find_span(period: Period, now: float) -> Span:
    """The span that `now` falls in: all of a day or a month, one second of a minute that slides.

    Such a second counts for 60 more, so that no 60 seconds ever hold more than a minute's amount.
    """
    match period:
        case "total":
            return Span(0.0, inf, inf)
        case "minute":
            second = now // 1
            return Span(second, second + 1, second + 1 + MINUTE_S)
        case "day":
            start = now // _DAY_S * _DAY_S
            return Span(start, start + _DAY_S, start + _DAY_S)
        case "month":
            day = datetime.fromtimestamp(now, UTC)
            year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
            end = datetime(year, month, 1, tzinfo=UTC).timestamp()
            return Span(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp(), end, end)
