"""What a refused caller is told: which budget, how it stands, when room comes, whether to wait."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tanzaku.gateway._stages import ANYONE, Asked, Used, Worst
from tanzaku.gateway.budgets import BudgetRule, Budgets
from tanzaku.transport import HttpRequest
from tanzaku.wire import ApiError

MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
MESSAGE = HttpRequest("POST", "/v1/messages", [], b"")
DOLLAR = 10**12


def ask(now: float) -> Asked:
    return Asked(MESSAGE, "/v1/messages", {}, b"", {}, now, is_message=True)


def bound(usd: str = "0", tokens: int = 0) -> Worst:
    return Worst(Decimal(usd), tokens, 0)


def refuse(budgets: Budgets, now: float, worst: Worst) -> ApiError:
    with pytest.raises(ApiError) as caught:
        budgets.reserve(ANYONE, ask(now), worst)
    assert (caught.value.status, caught.value.error_type) == (429, "rate_limit_error")
    return caught.value


def test_the_text_names_the_budget_what_is_spent_and_held_and_when_it_begins_anew() -> None:
    budgets = Budgets([BudgetRule("all", "usd", 5 * DOLLAR, "month")])
    budgets.reserve(ANYONE, ask(MIDNIGHT), bound("3")).settle(Used(Decimal("2.5")), MIDNIGHT)
    budgets.reserve(ANYONE, ask(MIDNIGHT), bound("1.25"))
    assert refuse(budgets, MIDNIGHT, bound("1.2500001")).message == (
        "The budget all, usd per month is $5: $2.5 are spent, $1.25 held for calls under way, and "
        "this call may use $1.2500001. There is room for it at 2026-12-01T00:00:00Z, or sooner if "
        "those use less than they hold."
    )
    budgets.reserve(ANYONE, ask(MIDNIGHT), bound("1.25"))


@pytest.mark.parametrize(("before_s", "header"), [(60, b"60"), (30.5, b"31"), (0.25, b"1")])
def test_a_day_that_ends_within_a_minute_says_so(before_s: float, header: bytes) -> None:
    budgets = Budgets([BudgetRule("all", "tokens", 10, "day")])
    budgets.reserve(ANYONE, ask(MIDNIGHT - before_s), bound(tokens=10))
    refusal = refuse(budgets, MIDNIGHT - before_s, bound(tokens=1))
    assert refusal.headers == ((b"retry-after", header),)
    budgets.reserve(ANYONE, ask(MIDNIGHT - before_s + int(header)), bound(tokens=1))


def test_where_all_is_spent_for_long_waiting_is_useless() -> None:
    budgets = Budgets([BudgetRule("all", "tokens", 10, "day")])
    budgets.reserve(ANYONE, ask(MIDNIGHT), bound(tokens=10)).settle(
        Used(Decimal(0), 10), MIDNIGHT + 1
    )
    refusal = refuse(budgets, MIDNIGHT + 1, bound(tokens=1))
    assert refusal.headers == ((b"x-should-retry", b"false"),)
    assert refusal.message.endswith(" There is room for it at 2026-12-01T00:00:00Z.")


def test_where_only_calls_under_way_stand_in_the_way_a_client_may_try_again() -> None:
    budgets = Budgets([BudgetRule("all", "tokens", 10, "total")])
    hold = budgets.reserve(ANYONE, ask(MIDNIGHT), bound(tokens=10))
    refusal = refuse(budgets, MIDNIGHT, bound(tokens=9))
    assert refusal.headers == ()
    assert refusal.message.endswith(" There is room for it if those use less than they hold.")
    hold.settle(Used(Decimal(0), 1), MIDNIGHT)
    budgets.reserve(ANYONE, ask(MIDNIGHT), bound(tokens=9))


def test_a_call_larger_than_the_budget_is_not_told_to_wait() -> None:
    budgets = Budgets([BudgetRule("all", "tokens", 10, "minute")])
    refusal = refuse(budgets, MIDNIGHT, bound(tokens=11))
    assert refusal.headers == ((b"x-should-retry", b"false"),)
    assert refusal.message.endswith("That is more than all of it.")


def test_in_a_minute_that_slides_room_comes_with_the_first_call_that_is_old_enough() -> None:
    budgets = Budgets([BudgetRule("all", "tokens", 10, "minute")])
    for second in (0, 10, 20):
        budgets.reserve(ANYONE, ask(MIDNIGHT + second), bound(tokens=3))
    now = MIDNIGHT + 30
    waits = {
        tokens: int(dict(refuse(budgets, now, bound(tokens=tokens)).headers)[b"retry-after"])
        for tokens in (2, 4, 5, 7, 8, 10)
    }
    assert waits == {2: 31, 4: 31, 5: 41, 7: 41, 8: 51, 10: 51}
    refuse(budgets, now + 30.75, bound(tokens=4))
    budgets.reserve(ANYONE, ask(now + 31), bound(tokens=4))


def test_a_limit_at_one_time_asks_for_a_second() -> None:
    budgets = Budgets([BudgetRule("all", "concurrent", 1)])
    hold = budgets.reserve(ANYONE, ask(MIDNIGHT), bound())
    refusal = refuse(budgets, MIDNIGHT, bound())
    assert refusal.headers == ((b"retry-after", b"1"),)
    assert refusal.message == (
        "The limit all, concurrent is reached: 1 of 1 requests are under way."
    )
    hold.settle(Used(None), MIDNIGHT)
    budgets.reserve(ANYONE, ask(MIDNIGHT), bound())
