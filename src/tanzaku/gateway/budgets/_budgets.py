"""Budgets at work: the worst case is held before a call, what it used is charged after it.

A pure machine over now. What a call holds and uses belongs to the span it started in.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tanzaku.core import UserError
from tanzaku.gateway._asked import COUNT_TOKENS
from tanzaku.gateway._stages import Asked, Caller, Worst
from tanzaku.gateway.budgets._account import Account, Amounts, BudgetHold, to_pico
from tanzaku.gateway.budgets._balance import Balance
from tanzaku.gateway.budgets._refusals import refuse_full, refuse_unbounded
from tanzaku.gateway.budgets._rules import BudgetRule
from tanzaku.gateway.budgets._spent import Spent
from tanzaku.ledger import LedgerReader

_FREE_METHODS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
# In full: what only begins like a free path may lead elsewhere once an upstream has tidied it.
_FREE_PATH: Final = re.compile(
    rf"{re.escape(COUNT_TOKENS)}|/v1/files(/[\w-]+)?|/v1/messages/batches/[\w-]+/cancel", re.ASCII
)
_FREE: Final[Amounts] = (0, 0, 0, 0, 1, 1)
_UNBOUNDED: Final[Amounts] = (None, None, None, None, 1, 1)
_NO_HOLD: Final = BudgetHold([])
_MOST_CALLERS: Final = 4096


class Budgets:
    """Implements `Treasury`: all rules that cover a call must have room for its worst case, or
    nothing is held."""

    def __init__(self, rules: Sequence[BudgetRule]) -> None:
        self._rules = tuple(rules)
        self._accounts: dict[tuple[tuple[str, str, str, str], str], Account] = {}
        self._plans: dict[Caller, list[Account]] = {}
        self._reader: LedgerReader | None = None

    def load(self, reader: LedgerReader, now: float) -> None:
        """Charge what the ledger says was spent in the present periods, after a restart; `replace`
        asks it too. Raises LedgerError."""
        self._reader = reader
        self._charge_spent(self._rules, now)

    def reserve(self, caller: Caller, asked: Asked, worst: Worst | None) -> BudgetHold:
        """Hold the worst case. ApiError 429 where a budget has no room for it, 403 where one in
        dollars or tokens covers what has no bound."""
        now = asked.now
        accounts = self._plans.get(caller)
        if accounts is None:
            accounts = self._plan(caller, now)
        if not accounts:
            return _NO_HOLD
        amounts = _find_amounts(asked, worst)
        held = []
        for account in accounts:
            if now >= account.next_at:
                account.advance(now)
            amount = amounts[account.unit]
            if amount is None:
                raise refuse_unbounded(account.rule, asked)
            if account.taken + amount > account.most:
                raise refuse_full(account, amount, now)
            held.append((account, account.slot, amount))
        for account, slot, amount in held:
            slot.reserved += amount
            account.taken += amount
        return BudgetHold(held)

    def list_caps(self, caller: Caller) -> list[tuple[str, int]]:
        """The limits of requests at one time that cover a caller: a name that is the same for all
        who share one, and the limit."""
        return [
            (f"{rule.title}: {subject}", rule.most)
            for rule in self._rules
            if rule.unit == "concurrent" and (subject := rule.find_subject(caller)) is not None
        ]

    def list_balances(self, now: float) -> Iterator[Balance]:
        """Every account: those of `each key` and `each team` once they are in use."""
        for rule in self._rules:
            if not rule.scope.startswith("each"):
                self._open(rule, rule.name, now)
        for account in self._accounts.values():
            account.advance(now)
            yield Balance.of(account)

    def change(self, rule: BudgetRule) -> None:
        """Give a rule there is another amount, from now on. UserError when there is none like it."""
        if all(rule.key != one.key for one in self._rules):
            raise UserError(
                "There is no budget {title}.",
                hint="Add it to the configuration; only amounts are changed here.",
                title=rule.title,
            )
        self._adopt(rule if rule.key == one.key else one for one in self._rules)

    def replace(self, rules: Iterable[BudgetRule], now: float | None = None) -> None:
        """Go by these from now on. A rule that was there before keeps what was spent, a new one
        begins with what the ledger says at `now` (None: with nothing), without the calls under
        way. Raises LedgerError, and then nothing has changed.
        """
        rules = tuple(rules)
        known = {rule.key for rule in self._rules}
        new = [rule for rule in rules if rule.key not in known]
        if now is not None:
            self._charge_spent(new, now)
        self._adopt(rules)

    def _adopt(self, rules: Iterable[BudgetRule]) -> None:
        self._rules = tuple(rules)
        by_key = {rule.key: rule for rule in self._rules}
        self._plans.clear()
        self._accounts = {
            key: account for key, account in self._accounts.items() if key[0] in by_key
        }
        for (key, _), account in self._accounts.items():
            account.rule = by_key[key]
            account.most = account.rule.most

    def _charge_spent(self, rules: Iterable[BudgetRule], now: float) -> None:
        if self._reader is not None:
            spent = Spent(self._reader, now)
            for rule, found in [(rule, list(spent.read(rule))) for rule in rules]:
                for subject, amount in found:
                    self._open(rule, subject, now).charge(amount)

    def _plan(self, caller: Caller, now: float) -> list[Account]:
        """The accounts of all rules that cover a caller."""
        if len(self._plans) >= _MOST_CALLERS:
            self._plans.clear()
        plan = self._plans[caller] = [
            self._open(rule, subject, now)
            for rule in self._rules
            if (subject := rule.find_subject(caller)) is not None
        ]
        return plan

    def _open(self, rule: BudgetRule, subject: str, now: float) -> Account:
        account = self._accounts.get((rule.key, subject))
        if account is None:
            account = self._accounts[rule.key, subject] = Account(rule, subject, now)
        return account


def _find_amounts(asked: Asked, worst: Worst | None) -> Amounts:
    if worst is not None:
        usd, read, written = worst.usd, worst.input_tokens, worst.output_tokens
        return None if usd is None else to_pico(usd), read + written, read, written, 1, 1
    if asked.request.method in _FREE_METHODS or _FREE_PATH.fullmatch(asked.path):
        return _FREE
    return _UNBOUNDED
