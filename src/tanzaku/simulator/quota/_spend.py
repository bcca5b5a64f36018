"""What an organization spends in a calendar month, and the limits that end it.

Source: page api/rate-limits. Of the limits an organization sets itself, the page has the first
words of the text; public reports of 2026 have the rest. That what is under way when a limit is
reached goes on to its end is a guess.
"""

from datetime import UTC, datetime
from decimal import Decimal

from tanzaku.simulator.quota._refusal import Refusal
from tanzaku.simulator.quota._settings import QuotaSettings

_ENDLESS = Decimal("Infinity")


class Spend:
    """The money of one organization, as a state machine over Unix seconds."""

    def __init__(self, settings: QuotaSettings) -> None:
        self._cap = settings.spend_cap_usd
        self._limit = settings.spend_limit_usd
        self._workspace_limits = {
            name: limits.spend_limit_usd
            for name, limits in settings.workspaces.items()
            if limits.spend_limit_usd is not None
        }
        limits = (self._cap, self._limit)
        self._lowest = min((limit for limit in limits if limit is not None), default=_ENDLESS)
        self._spent = settings.spent_usd
        self._spent_by: dict[str, Decimal] = {}
        self._month_ends_at = 0.0

    def add(self, now: float, cost_usd: Decimal, workspace: str | None) -> None:
        """Count what a request cost; 0 or more."""
        if now >= self._month_ends_at:
            self._turn_month(now)
        self._spent += cost_usd
        if workspace in self._workspace_limits:
            self._spent_by[workspace] = self._spent_by.get(workspace, Decimal(0)) + cost_usd

    def check(self, now: float, workspace: str | None) -> Refusal | None:
        """The refusal of a request that comes when a limit is reached."""
        if now >= self._month_ends_at:
            self._turn_month(now)
        if workspace in self._workspace_limits:
            spent = self._spent_by.get(workspace, Decimal(0))
            if spent >= self._workspace_limits[workspace]:
                return self._refuse("You have reached your specified workspace API usage limits.")
        if self._spent < self._lowest:
            return None
        if self._limit is not None and self._spent >= self._limit:
            return self._refuse("You have reached your specified API usage limits.")
        message = (
            "You have reached your API usage limits: your organization has crossed its monthly API "
            f"usage threshold, set based on your organization's API tier. {self._say_when()}"
        )
        return Refusal("spend cap", 429, message, error_code="enforced_spend_limit_reached")

    def _refuse(self, sentence: str) -> Refusal:
        return Refusal("spend limit", 400, f"{sentence} {self._say_when()}")

    def _say_when(self) -> str:
        day = datetime.fromtimestamp(self._month_ends_at, UTC).date()
        return f"You will regain access on {day.isoformat()} at 00:00 UTC."

    def _turn_month(self, now: float) -> None:
        if self._month_ends_at:
            self._spent = Decimal(0)
            self._spent_by.clear()
        month = datetime.fromtimestamp(now, UTC)
        year, index = divmod(month.year * 12 + month.month, 12)
        self._month_ends_at = datetime(year, index + 1, 1, tzinfo=UTC).timestamp()
