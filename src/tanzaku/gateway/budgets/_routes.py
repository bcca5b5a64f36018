"""Budgets over HTTP, for who has the admin token.

GET /_tanzaku/budgets   how they stand
PUT /_tanzaku/budgets   {"scope": "team web", "usd": "20", "per": "day"}: another amount for the budget
                        of that scope, unit and period, until the next start or reload
"""

import json
from typing import Any, Final

from tanzaku.core import Clock, UserError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.gateway.budgets._budgets import Budgets
from tanzaku.gateway.budgets._read import read_rule
from tanzaku.gateway.budgets._rules import BudgetRule
from tanzaku.gateway.keys import check_admin, read_object, reply
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError

BUDGETS: Final = "/_tanzaku/budgets"


class BudgetRoutes:
    """A `Handler` for the path above. Raises ApiError."""

    def __init__(self, budgets: Budgets, token: str | None, clock: Clock) -> None:
        self._budgets = budgets
        self._token = token
        self._clock = clock

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        check_admin(request, self._token)
        if request.path != BUDGETS or request.method not in ("GET", "PUT"):
            raise ApiError.not_found()
        if request.method == "PUT":
            self._change(_read_rule(read_object(request)))
        balances = self._budgets.list_balances(self._clock.now())
        return reply({"budgets": [balance.to_json() for balance in balances]})

    def _change(self, rule: BudgetRule) -> None:
        try:
            self._budgets.change(rule)
        except UserError as error:
            raise ApiError.not_found(f"{error.message} {error.hint}") from error


def _read_rule(told: dict[str, Any]) -> BudgetRule:
    """The rule as it would stand in a file: JSON is YAML too."""
    try:
        return read_rule(parse_yaml(json.dumps(told), "body"))
    except UserError as error:
        raise ApiError.invalid_request(f"{error.message} {error.hint}".strip()) from error
