"""How the budgets stand: GET /_tanzaku/budgets, for who has the admin token."""

from typing import Final

from tanzaku.core import Clock
from tanzaku.gateway.budgets._budgets import Budgets
from tanzaku.gateway.keys import check_admin, reply
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
        if request.method != "GET" or request.path != BUDGETS:
            raise ApiError.not_found()
        balances = self._budgets.list_balances(self._clock.now())
        return reply({"budgets": [balance.to_json() for balance in balances]})
