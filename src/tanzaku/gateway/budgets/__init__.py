"""Budgets and limits: the worst case is held before a call, what it used is charged after it."""

from tanzaku.gateway.budgets._account import BudgetHold
from tanzaku.gateway.budgets._balance import Balance
from tanzaku.gateway.budgets._budgets import Budgets
from tanzaku.gateway.budgets._read import read_budgets
from tanzaku.gateway.budgets._routes import BUDGETS, BudgetRoutes
from tanzaku.gateway.budgets._rules import BudgetRule

__all__ = [
    "BUDGETS",
    "Balance",
    "BudgetHold",
    "BudgetRoutes",
    "BudgetRule",
    "Budgets",
    "read_budgets",
]
