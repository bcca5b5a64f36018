"""Budgets and limits: the worst case is held before a call, what it used is charged after it."""

from tanzaku.gateway.budgets._budgets import Balance, BudgetHold, Budgets
from tanzaku.gateway.budgets._read import read_budgets
from tanzaku.gateway.budgets._routes import BUDGETS, BudgetRoutes
from tanzaku.gateway.budgets._rules import BudgetRule, find_window

__all__ = [
    "BUDGETS",
    "Balance",
    "BudgetHold",
    "BudgetRoutes",
    "BudgetRule",
    "Budgets",
    "find_window",
    "read_budgets",
]
