"""What a budget or a limit says, and which calls it covers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

from tanzaku.gateway._stages import Caller

type Scope = Literal["all", "each key", "each team", "key", "team", "tag"]
type Period = Literal["minute", "day", "month", "total"]
type Unit = Literal["usd", "tokens", "requests", "concurrent"]

PICO: Final = 10**12
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """`most` of a unit in a period, for whom `scope` (and `name`) covers.

    `most` is whole: pico-dollars, tokens (read and written), requests, or requests at one time,
    which know no period. Periods are those of the calendar, in UTC.
    """

    scope: Scope
    unit: Unit
    most: int
    period: Period = "total"
    name: str = ""

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


def find_window(period: Period, now: float) -> tuple[float, float]:
    """Start and end of the period that `now` (Unix seconds) falls in."""
    match period:
        case "total":
            return 0.0, float("inf")
        case "minute":
            start = now // _MINUTE_S * _MINUTE_S
            return start, start + _MINUTE_S
        case "day":
            start = now // _DAY_S * _DAY_S
            return start, start + _DAY_S
        case "month":
            day = datetime.fromtimestamp(now, UTC)
            year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
            return (
                datetime(day.year, day.month, 1, tzinfo=UTC).timestamp(),
                datetime(year, month, 1, tzinfo=UTC).timestamp(),
            )
