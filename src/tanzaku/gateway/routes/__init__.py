"""Which upstreams a call goes to: rules, weights, fall-backs."""

from tanzaku.gateway.routes._read import read_routes, read_when
from tanzaku.gateway.routes._routes import ROUTES, RouteRoutes, explain
from tanzaku.gateway.routes._rules import Rule, Way, When
from tanzaku.gateway.routes._table import Plan, RouteTable

__all__ = [
    "ROUTES",
    "Plan",
    "RouteRoutes",
    "RouteTable",
    "Rule",
    "Way",
    "When",
    "explain",
    "read_routes",
    "read_when",
]
