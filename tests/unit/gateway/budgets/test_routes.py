"""Budgets over HTTP."""

import asyncio
import json
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.gateway._stages import Asked, Caller, Worst
from tanzaku.gateway.budgets import BUDGETS, BudgetRoutes, BudgetRule, Budgets
from tanzaku.transport import HttpRequest
from tanzaku.wire import ApiError

JSON = (b"content-type", b"application/json")
ADMIN = (b"authorization", b"Bearer the-admin-token")
BLUE = Caller("key_1", "blue")


def build() -> tuple[Budgets, VirtualClock]:
    rules = [BudgetRule("each key", "usd", 25 * 10**11, "day"), BudgetRule("all", "concurrent", 3)]
    return Budgets(rules), VirtualClock()


def send(budgets: Budgets, clock: VirtualClock, request: HttpRequest) -> Any:
    answer = asyncio.run(BudgetRoutes(budgets, "the-admin-token", clock)(request))
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)["budgets"]


def put(told: Any, *headers: tuple[bytes, bytes]) -> HttpRequest:
    return HttpRequest("PUT", BUDGETS, list(headers or (JSON, ADMIN)), json.dumps(told).encode())


def reserve(budgets: Budgets, clock: VirtualClock) -> None:
    request = HttpRequest("POST", "/v1/messages", [], b"")
    asked = Asked(request, "/v1/messages", {}, b"", {}, clock.now(), is_message=True)
    budgets.reserve(BLUE, asked, Worst(2, 10, 10))  # type: ignore[arg-type]  # any number will do


def test_it_shows_what_is_allowed_spent_held_and_left_until_when() -> None:
    budgets, clock = build()
    reserve(budgets, clock)
    by_name = {
        one.pop("budget"): one
        for one in send(budgets, clock, HttpRequest("GET", BUDGETS, [ADMIN], b""))
    }
    assert by_name == {
        "each key, usd per day": {
            "for": "key_1", "unit": "usd", "most": "2.5", "spent": "0", "reserved": "2",
            "free": "0.5", "ends_at": clock.now() + 86_400,
        },
        "all, concurrent": {
            "for": "all", "unit": "concurrent", "most": 3, "spent": 0, "reserved": 1,
            "free": 2, "ends_at": None,
        },
    }  # fmt: skip


def test_another_amount_counts_at_once() -> None:
    budgets, clock = build()
    reserve(budgets, clock)
    with pytest.raises(ApiError):
        reserve(budgets, clock)
    shown = send(budgets, clock, put({"scope": "each key", "usd": "4", "per": "day"}))
    assert {one["budget"]: one["most"] for one in shown}["each key, usd per day"] == "4"
    reserve(budgets, clock)


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        (HttpRequest("GET", BUDGETS, [], b""), 401, "admin token"),
        (put({}, JSON), 401, "admin token"),
        (put({}, ADMIN), 400, "content-type"),
        (put({"scope": "all", "usd": 1}), 400, "body:1:1: `$` lacks the key `per`"),
        (put({"scope": "all", "usd": "1", "per": "day"}), 404, "no budget all, usd per day"),
        (HttpRequest("DELETE", BUDGETS, [ADMIN], b""), 404, "Not found"),
        (HttpRequest("GET", BUDGETS + "/x", [ADMIN], b""), 404, "Not found"),
    ],
    ids=[
        "no token",
        "put without token",
        "no JSON",
        "half a rule",
        "no such rule",
        "delete",
        "path",
    ],
)
def test_what_it_refuses(request_: HttpRequest, status: int, message: str) -> None:
    budgets, clock = build()
    with pytest.raises(ApiError, match=message.replace("$", r"\$")) as caught:
        send(budgets, clock, request_)
    assert caught.value.status == status
    assert [one.rule.most for one in budgets.list_balances(clock.now())] == [3]
