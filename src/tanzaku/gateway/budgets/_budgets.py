"""Budgets at work: the worst case is held before a call, what it used is charged after it.

A pure machine over now. What a call holds and uses belongs to the period it started in.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from tanzaku.gateway._stages import Asked, Caller, Used, Worst
from tanzaku.gateway.budgets._rules import PICO, BudgetRule, find_window
from tanzaku.ledger import LedgerReader
from tanzaku.wire import RETRY_AFTER, SHOULD_RETRY, ApiError

_LONGEST_WAIT_S: Final = 60.0
_NEVER: Final = float("inf")
_FREE_METHODS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
_FREE_PATHS: Final = ("/v1/messages/count_tokens", "/v1/files")
_NOTHING: Final = Worst(None, 0, 0)


class _Account:
    """One rule for one subject in its present period."""

    __slots__ = ("ends_at", "reserved", "rule", "spent", "subject")

    def __init__(self, rule: BudgetRule, subject: str, ends_at: float) -> None:
        self.rule = rule
        self.subject = subject
        self.ends_at = ends_at
        self.spent = 0
        self.reserved = 0


class BudgetHold:
    """What one call holds. Implements `Hold`."""

    __slots__ = ("_held", "_is_settled")

    def __init__(self, held: list[tuple[_Account, int]]) -> None:
        self._held = held
        self._is_settled = False

    def settle(self, used: Used, now: float) -> None:
        """Charge what was used and let go of the rest. A second call does nothing."""
        del now
        if self._is_settled:
            return
        self._is_settled = True
        for account, amount in self._held:
            account.reserved -= amount
            match account.rule.unit:
                case "usd":
                    account.spent += amount if used.usd is None else _to_pico(used.usd)
                case "tokens":
                    is_known = used.usd is not None or used.input_tokens or used.output_tokens
                    tokens = used.input_tokens + used.output_tokens
                    account.spent += tokens if is_known else amount
                case "requests":
                    account.spent += amount
                case "concurrent":
                    pass


@dataclass(frozen=True, slots=True)
class Balance:
    """How one account stands, in its rule's whole units; `ends_at` in Unix seconds."""

    rule: BudgetRule
    subject: str
    spent: int
    reserved: int
    ends_at: float | None

    def to_json(self) -> dict[str, Any]:
        """The same for people and programs: dollars as plain digits."""
        rule = self.rule
        shown = {
            "most": rule.most,
            "spent": self.spent,
            "reserved": self.reserved,
            "free": rule.most - self.spent - self.reserved,
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


class Budgets:
    """Implements `Treasury`: all rules that cover a call must have room for its worst case, or
    nothing is held."""

    def __init__(self, rules: Sequence[BudgetRule]) -> None:
        self._rules = tuple(rules)
        self._accounts: dict[tuple[BudgetRule, str], _Account] = {}

    def load(self, reader: LedgerReader, now: float) -> None:
        """Charge what the ledger says was spent in the present periods, after a restart."""
        groups: dict[str, Literal["key", "team", "tag"]] = {
            "each key": "key", "key": "key", "each team": "team", "team": "team", "tag": "tag",
        }  # fmt: skip
        for rule in self._rules:
            if rule.unit == "concurrent":
                continue
            start, _ = find_window(rule.period, now)
            if rule.scope == "all":
                rows = [("", reader.totals(since=start))]
            else:
                sums = reader.sum_costs(by=groups[rule.scope], since=start)
                rows = [(row.key, row) for row in sums if row.key != "-"]
            for subject, row in rows:
                if rule.name and subject != rule.name:
                    continue
                tokens = row.input_tokens + row.cache_write_tokens + row.cache_read_tokens
                amounts = {
                    "usd": _to_pico(row.total_usd),
                    "tokens": tokens + row.output_tokens,
                    "requests": row.exchanges,
                }
                self._open(rule, subject, now).spent = amounts[rule.unit]

    def reserve(self, caller: Caller, asked: Asked, worst: Worst | None) -> BudgetHold:
        """Hold the worst case. ApiError 429 where a budget has no room for it, 403 where one in
        dollars covers what cannot be priced."""
        now = asked.now
        held: list[tuple[_Account, int]] = []
        for rule in self._rules:
            subject = rule.find_subject(caller)
            if subject is None:
                continue
            amount = _find_amount(rule, asked, worst)
            account = self._accounts.get((rule, subject))
            if account is None or now >= account.ends_at:
                account = self._open(rule, subject, now)
            if account.spent + account.reserved + amount > rule.most:
                raise _refuse(account, amount, now)
            held.append((account, amount))
        for account, amount in held:
            account.reserved += amount
        return BudgetHold(held)

    def list_balances(self, now: float) -> Iterator[Balance]:
        """Every account that was in use in its present period."""
        for account in self._accounts.values():
            if now < account.ends_at:
                ends_at = None if account.ends_at == _NEVER else account.ends_at
                yield Balance(
                    account.rule, account.subject, account.spent, account.reserved, ends_at
                )

    def replace(self, rules: Iterable[BudgetRule]) -> None:
        """Go by these from now on. A rule whose amount alone has changed keeps what was spent."""
        rules = tuple(rules)
        before = {
            (rule.scope, rule.name, rule.unit, rule.period, subject): account
            for (rule, subject), account in self._accounts.items()
        }
        kept: dict[tuple[BudgetRule, str], _Account] = {}
        for rule in rules:
            for (*said, subject), account in before.items():
                if said == [rule.scope, rule.name, rule.unit, rule.period]:
                    account.rule = rule
                    kept[rule, subject] = account
        self._rules, self._accounts = rules, kept

    def _open(self, rule: BudgetRule, subject: str, now: float) -> _Account:
        ends_at = _NEVER if rule.unit == "concurrent" else find_window(rule.period, now)[1]
        account = self._accounts[rule, subject] = _Account(rule, subject, ends_at)
        return account


def _find_amount(rule: BudgetRule, asked: Asked, worst: Worst | None) -> int:
    match rule.unit:
        case "usd":
            if worst is not None and worst.usd is not None:
                return _to_pico(worst.usd)
            if worst is None and _is_free(asked):
                return 0
            what = asked.path if worst is None else f"the model {asked.model}"
            raise ApiError(
                403,
                "permission_error",
                f"The budget {rule.title} covers this call, and {what} cannot be priced.",
            )
        case "tokens":
            worst = worst or _NOTHING
            return worst.input_tokens + worst.output_tokens
        case _:
            return 1


def _is_free(asked: Asked) -> bool:
    return asked.request.method in _FREE_METHODS or asked.path.startswith(_FREE_PATHS)


def _refuse(account: _Account, amount: int, now: float) -> ApiError:
    rule = account.rule
    show = rule.show
    if rule.unit == "concurrent":
        message = f"The limit {rule.title} is reached: {show(rule.most)} requests are under way."
        return ApiError.rate_limit(message, retry_after_s=1)
    message = (
        f"The budget {rule.title} is {show(rule.most)}: {show(account.spent)} are spent, "
        f"{show(account.reserved)} held for calls under way, and this call may use {show(amount)}."
    )
    error = ApiError.rate_limit(message)
    wait_s = account.ends_at - now
    if wait_s <= _LONGEST_WAIT_S:
        error.headers = ((RETRY_AFTER, b"%d" % max(1, math.ceil(wait_s))),)
    elif account.reserved == 0 or account.spent + amount > rule.most:
        error.headers = ((SHOULD_RETRY, b"false"),)
    return error


def _to_pico(usd: Decimal) -> int:
    return math.ceil(usd * PICO)
