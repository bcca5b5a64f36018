"""How an account stands, for people and programs."""

from dataclasses import dataclass
from typing import Any, Self

from tanzaku.gateway.budgets._account import Account
from tanzaku.gateway.budgets._rules import BudgetRule


@dataclass(frozen=True, slots=True)
class Balance:
    """How one account stands, in its rule's whole units. At `ends_at` (Unix seconds) all that is
    taken counts no more; None where nothing is taken or it counts for ever."""

    rule: BudgetRule
    subject: str
    spent: int
    reserved: int
    ends_at: float | None

    @classmethod
    def of(cls, account: Account) -> Self:
        """The balance of an account that is up to date."""
        return cls(account.rule, account.subject, account.spent, account.reserved, account.empty_at)

    def to_json(self) -> dict[str, Any]:
        """The same for people and programs: dollars as plain digits."""
        rule = self.rule
        shown = {
            "most": rule.most,
            "spent": self.spent,
            "reserved": self.reserved,
            "free": max(0, rule.most - self.spent - self.reserved),
        }
        amounts = {
            name: rule.show(amount).lstrip("$") if rule.unit == "usd" else amount
            for name, amount in shown.items()
        }
        return {
            "budget": rule.title,
            "for": self.subject or "all",
            "unit": rule.unit,
            **amounts,
            "ends_at": self.ends_at,
        }
