"""The section `budgets` of a configuration."""

from decimal import Decimal, InvalidOperation
from typing import Final, cast

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway.budgets._account import UNITS
from tanzaku.gateway.budgets._rules import PICO, BudgetRule, Period, Scope, Unit

_PERIODS: Final = ("minute", "day", "month", "total")
_PLAIN: Final = ("all", "each key", "each team")
_NAMED: Final = ("key", "team", "tag")
_MOST: Final = 10**15
_MOST_USD: Final = Decimal(10) ** 9


def read_budgets(entry: Entry) -> tuple[BudgetRule, ...]:
    """The rules; each names a scope, a period and one amount. Raises InputFileError."""
    rules: dict[tuple[str, ...], BudgetRule] = {}
    for one in entry.as_list():
        rule = read_rule(one)
        if rule.key in rules:
            raise InputFileError(
                "{place}: the budget {title} stands here a second time.",
                hint="Keep the smaller one.",
                place=one.place,
                title=rule.title,
            )
        rules[rule.key] = rule
    return tuple(rules.values())


def read_rule(entry: Entry) -> BudgetRule:
    """One rule. Raises InputFileError."""
    fields = entry.as_fields(("scope", "per", *UNITS), ("scope",))
    units = [unit for unit in UNITS if unit in fields]
    if len(units) != 1:
        raise InputFileError(
            "{place}: `{key}` must have one of {units}.",
            place=entry.place,
            key=entry.key,
            units=", ".join(UNITS),
        )
    unit: Unit = units[0]
    scope, name = _read_scope(fields["scope"])
    period: Period = "total"
    if unit == "concurrent":
        if "per" in fields:
            raise InputFileError(
                "{place}: requests at one time know no `per`.", place=fields["per"].name_place
            )
    else:
        if "per" not in fields:
            raise InputFileError(
                "{place}: `{key}` lacks the key `{name}`.",
                place=entry.place,
                key=entry.key,
                name="per",
            )
        period = cast("Period", fields["per"].as_choice(_PERIODS))
    amount = fields[unit]
    most = _read_usd(amount) if unit == "usd" else amount.as_integer(0, _MOST)
    return BudgetRule(scope, unit, most, period, name)


def _read_scope(entry: Entry) -> tuple[Scope, str]:
    text = " ".join(entry.as_text().split())
    if text in _PLAIN:
        return cast("Scope", text), ""
    kind, _, name = text.partition(" ")
    if kind in _NAMED and name:
        return cast("Scope", kind), name
    raise InputFileError(
        "{place}: `{key}` is no scope: {found}.",
        hint="Write `all`, `each key`, `each team`, `key ID`, `team NAME` or `tag NAME`.",
        place=entry.place,
        key=entry.key,
        found=entry.found,
    )


def _read_usd(entry: Entry) -> int:
    """Dollars as whole pico-dollars, read from the digits as they are written."""
    try:
        usd = Decimal(str(entry.content))
    except InvalidOperation:
        usd = Decimal("nan")
    is_amount = usd.is_finite() and not isinstance(entry.content, bool)
    if not is_amount or not 0 <= usd <= _MOST_USD or usd * PICO % 1:
        raise InputFileError(
            "{place}: `{key}` must be an amount of dollars; found {found}.",
            place=entry.place,
            key=entry.key,
            found=entry.found,
        )
    return int(usd * PICO)
