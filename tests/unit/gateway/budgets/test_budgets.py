"""Budgets against a reference that keeps every call and adds all of them up again each time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.gateway._stages import ANYONE, Asked, Caller, Used, Worst
from tanzaku.gateway.budgets import BudgetHold, BudgetRule, Budgets
from tanzaku.transport import HttpRequest
from tanzaku.wire import ApiError

MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
"""The last day of a month."""
BLUE = Caller("key_1", "blue", "ann", ("prod", "eu"))
RED = Caller("key_2", "red", "bob", ("prod",))
UNITS = ("usd", "tokens", "input_tokens", "output_tokens", "requests", "concurrent")


def ask(now: float, method: str = "POST", path: str = "/v1/messages", **params: object) -> Asked:
    is_message = method == "POST" and path == "/v1/messages"
    return Asked(HttpRequest(method, path, [], b""), path, params, b"", {}, now, is_message)


def usd(pico: int) -> Decimal:
    return Decimal(pico).scaleb(-12)


@dataclass
class Call:
    start: float
    caller: Caller
    worst: dict[str, int]
    used: dict[str, int] | None = None
    hold: BudgetHold | None = None


@dataclass
class Reference:
    """All calls that were let in, in a list."""

    rules: list[BudgetRule]
    calls: list[Call] = field(default_factory=list)

    def is_covered(self, rule: BudgetRule, caller: Caller) -> bool:
        return {
            "all": True,
            "each key": caller.key_id != "",
            "each team": caller.team != "",
            "key": caller.key_id == rule.name,
            "team": caller.team == rule.name,
            "tag": rule.name in caller.tags,
        }[rule.scope]

    def is_same(self, rule: BudgetRule, one: Caller, other: Caller) -> bool:
        if rule.scope == "each key":
            return one.key_id == other.key_id
        return rule.scope != "each team" or one.team == other.team

    def is_counted(self, rule: BudgetRule, start: float, now: float) -> bool:
        if rule.period == "total" or rule.unit == "concurrent":
            return True
        if rule.period == "minute":
            # By seconds: what starts within one counts until 60 more have passed.
            return now - start // 1 < 61
        form = {"day": "%Y-%m-%d", "month": "%Y-%m"}[rule.period]
        days = [datetime.fromtimestamp(at, UTC).strftime(form) for at in (start, now)]
        return days[0] == days[1]

    def add(self, rule: BudgetRule, caller: Caller, now: float) -> tuple[int, int]:
        """What is spent and what is held, of one subject."""
        spent = held = 0
        for call in self.calls:
            if (
                self.is_covered(rule, call.caller)
                and self.is_same(rule, call.caller, caller)
                and self.is_counted(rule, call.start, now)
            ):
                if call.used is None:
                    held += call.worst[rule.unit]
                elif rule.unit != "concurrent":
                    spent += call.used[rule.unit]
        return spent, held

    def has_room(self, caller: Caller, worst: dict[str, int], now: float) -> bool:
        return all(
            sum(self.add(rule, caller, now)) + worst[rule.unit] <= rule.most
            for rule in self.rules
            if self.is_covered(rule, caller)
        )


def build_amounts(pico: int, read: int, written: int) -> dict[str, int]:
    values = (pico, read + written, read, written, 1, 1)
    return dict(zip(UNITS, values, strict=True))


scopes = st.sampled_from(
    [
        ("all", ""),
        ("each key", ""),
        ("each team", ""),
        ("key", "key_1"),
        ("team", "red"),
        ("tag", "prod"),
    ]
)
kinds = st.tuples(
    st.sampled_from(UNITS[:-1]), st.sampled_from(["minute", "day", "month", "total"])
) | st.just(("concurrent", "total"))
rules = st.builds(
    lambda scope, kind, most: BudgetRule(scope[0], kind[0], most, kind[1], scope[1]),
    scopes,
    kinds,
    st.integers(0, 12),
)
amounts = st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 3))
steps = st.tuples(
    st.sampled_from([BLUE, RED, ANYONE]),
    amounts,
    # How long until the next thing happens, in quarters of a second; the last are a day or more.
    st.sampled_from([0, 0, 1, 3, 4, 60, 236, 239, 240, 241, 4 * 86_400, 4 * 86_400 * 20]),
    # Which of the calls under way ends, and how much of its worst case it used.
    st.none() | st.tuples(st.integers(0, 20), st.none() | st.fractions(0, 1)),
)


@pytest.mark.requirement("L10")
@settings(max_examples=400, deadline=None)
@given(st.lists(rules, max_size=4, unique_by=lambda rule: rule.key), st.lists(steps, max_size=40))
def test_a_call_is_let_in_exactly_where_spent_and_held_and_its_own_worst_case_fit(
    given_rules: list[BudgetRule],
    given_steps: list[tuple[Caller, tuple[int, int, int], int, tuple[int, Fraction | None] | None]],
) -> None:
    budgets, reference = Budgets(given_rules), Reference(given_rules)
    now = MIDNIGHT + 86_400 - 30
    for caller, values, quarters, ending in given_steps:
        worst = build_amounts(*values)
        fits = reference.has_room(caller, worst, now)
        bound = Worst(usd(values[0]), values[1], values[2])
        if fits:
            hold = budgets.reserve(caller, ask(now), bound)
            reference.calls.append(Call(now, caller, worst, hold=hold))
        else:
            with pytest.raises(ApiError, match=r"budget|limit"):
                budgets.reserve(caller, ask(now), bound)
        now += quarters / 4
        under_way = [call for call in reference.calls if call.used is None]
        if ending is not None and under_way:
            end(under_way[ending[0] % len(under_way)], ending[1], now)
        check_balances(budgets, reference, now)
    for call in reference.calls:
        if call.used is None:
            end(call, None, now)
    assert all(balance.reserved == 0 for balance in budgets.list_balances(now))


def end(call: Call, share: Fraction | None, now: float) -> None:
    """The call has used that share of its worst case, or nobody knows what."""
    assert call.hold is not None
    if share is None:
        call.used = call.worst
        used = Used(None)
    else:
        figures = [int(call.worst[unit] * share) for unit in ("usd", "input_tokens")]
        figures.append(int(call.worst["output_tokens"] * share))
        call.used = build_amounts(*figures)
        used = Used(usd(figures[0]), *figures[1:])
    call.hold.settle(used, now)
    call.hold.settle(Used(Decimal(100), 1000, 1000), now)


def check_balances(budgets: Budgets, reference: Reference, now: float) -> None:
    for balance in budgets.list_balances(now):
        callers = [
            caller
            for caller in (BLUE, RED, ANYONE)
            if balance.subject in (caller.key_id, caller.team, balance.rule.name)
            and reference.is_covered(balance.rule, caller)
        ]
        wanted = reference.add(balance.rule, callers[0], now) if callers else (0, 0)
        assert (balance.spent, balance.reserved) == wanted, balance.rule.title
        assert balance.spent + balance.reserved <= balance.rule.most


def test_a_call_that_one_budget_has_no_room_for_holds_nothing_of_another() -> None:
    budgets = Budgets([BudgetRule("all", "tokens", 100, "day"), BudgetRule("all", "requests", 0)])
    with pytest.raises(ApiError):
        budgets.reserve(BLUE, ask(MIDNIGHT), Worst(usd(1), 10, 10))
    assert [one.reserved for one in budgets.list_balances(MIDNIGHT)] == [0, 0]


def test_what_a_call_uses_after_midnight_belongs_to_the_day_it_began() -> None:
    budgets = Budgets([BudgetRule("all", "requests", 1, "day")])
    late = budgets.reserve(BLUE, ask(MIDNIGHT - 1), Worst(usd(1), 1, 1))
    with pytest.raises(ApiError):
        budgets.reserve(BLUE, ask(MIDNIGHT - 1), Worst(usd(1), 1, 1))
    early = budgets.reserve(BLUE, ask(MIDNIGHT), Worst(usd(1), 1, 1))
    late.settle(Used(usd(1)), MIDNIGHT + 1)
    (balance,) = budgets.list_balances(MIDNIGHT + 1)
    assert (balance.spent, balance.reserved) == (0, 1)
    early.settle(Used(usd(1)), MIDNIGHT + 2)
    (balance,) = budgets.list_balances(MIDNIGHT + 2)
    assert (balance.spent, balance.reserved) == (1, 0)


def test_tokens_that_are_known_count_even_where_their_price_is_not() -> None:
    budgets = Budgets([BudgetRule("all", "usd", 100), BudgetRule("all", "output_tokens", 100)])
    budgets.reserve(BLUE, ask(MIDNIGHT), Worst(usd(60), 9, 70)).settle(Used(None, 5, 3), MIDNIGHT)
    assert [one.spent for one in budgets.list_balances(MIDNIGHT)] == [60, 3]


FREE = [
    ("GET", "/v1/models"),
    ("GET", "/v1/messages/batches"),
    ("DELETE", "/v1/files/file_1"),
    ("POST", "/v1/files"),
    ("POST", "/v1/messages/count_tokens"),
    ("POST", "/v1/messages/batches/msgbatch_1/cancel"),
]
UNKNOWN = [
    ("POST", "/v1/messages/batches"),
    ("POST", "/v1/complete"),
    ("POST", "/v1/something_new"),
    ("POST", "/v1/messages/"),
    ("POST", "/v1/files/../messages"),
    ("POST", "/v1/messages/count_tokens/../../messages"),
    ("PUT", "/v1/messages/batches/x"),
]


@pytest.mark.parametrize("unit", ["usd", "tokens", "input_tokens", "output_tokens"])
@pytest.mark.parametrize(("method", "path"), FREE)
def test_what_costs_nothing_passes_an_empty_budget(unit: str, method: str, path: str) -> None:
    budgets = Budgets([BudgetRule("all", unit, 0, "day")])  # type: ignore[arg-type]  # parametrized
    budgets.reserve(BLUE, ask(MIDNIGHT, method, path), None)
    assert [one.reserved for one in budgets.list_balances(MIDNIGHT)] == [0]


@pytest.mark.parametrize("unit", ["usd", "tokens", "input_tokens", "output_tokens"])
@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_what_cannot_be_priced_is_refused_by_a_budget_that_has_all_the_room(
    unit: str, method: str, path: str
) -> None:
    budgets = Budgets([BudgetRule("key", unit, 10**15, "day", "key_1")])  # type: ignore[arg-type]  # parametrized
    with pytest.raises(ApiError) as caught:
        budgets.reserve(BLUE, ask(MIDNIGHT, method, path), None)
    assert (caught.value.status, caught.value.error_type) == (403, "permission_error")
    assert path in caught.value.message
    assert f"key key_1, {unit} per day" in caught.value.message
    budgets.reserve(RED, ask(MIDNIGHT, method, path), None)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"max_tokens": 5}, "it names no model"),
        ({"model": "claude-haiku-4-5"}, "it has no max_tokens"),
        ({"model": "nobody", "max_tokens": 5}, "what the model nobody costs for it is not known"),
    ],
)
def test_a_message_without_a_price_is_refused_and_told_why(
    params: dict[str, object], why: str
) -> None:
    budgets = Budgets([BudgetRule("all", "usd", 10**15, "day")])
    with pytest.raises(ApiError, match=why) as caught:
        budgets.reserve(BLUE, ask(MIDNIGHT, **params), Worst(None, 10, 5))
    assert caught.value.status == 403


def test_requests_that_cost_nothing_count_as_requests() -> None:
    budgets = Budgets([BudgetRule("all", "requests", 1, "day")])
    budgets.reserve(BLUE, ask(MIDNIGHT, "GET", "/v1/models"), None)
    with pytest.raises(ApiError):
        budgets.reserve(BLUE, ask(MIDNIGHT, "GET", "/v1/models"), None)


def test_another_amount_counts_at_once_and_keeps_what_was_spent() -> None:
    budgets = Budgets([BudgetRule("each key", "requests", 1, "day")])
    worst = Worst(usd(1), 1, 1)
    budgets.reserve(BLUE, ask(MIDNIGHT), worst)
    budgets.replace([BudgetRule("each key", "requests", 2, "day"), BudgetRule("all", "tokens", 9)])
    budgets.reserve(BLUE, ask(MIDNIGHT), worst)
    with pytest.raises(ApiError):
        budgets.reserve(BLUE, ask(MIDNIGHT), worst)
    taken = {one.rule.title: one.reserved for one in budgets.list_balances(MIDNIGHT)}
    assert taken == {"each key, requests per day": 2, "all, tokens per total": 2}
    budgets.replace([])
    assert list(budgets.list_balances(MIDNIGHT)) == []


def test_those_who_share_a_limit_at_one_time_share_its_name() -> None:
    budgets = Budgets(
        [BudgetRule("each key", "concurrent", 4), BudgetRule("tag", "concurrent", 9, name="prod")]
    )
    blue, red = dict(budgets.list_caps(BLUE)), dict(budgets.list_caps(RED))
    assert sorted(blue.values()) == sorted(red.values()) == [4, 9]
    assert [blue[name] for name in blue.keys() & red.keys()] == [9]
    assert budgets.list_caps(ANYONE) == []
