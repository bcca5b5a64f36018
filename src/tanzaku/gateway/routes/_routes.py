"""How the routes stand, for who has the admin token.

GET  /_tanzaku/routes          rules, and the state of every upstream
POST /_tanzaku/routes/explain  {"model", "path", "key", "team", "tags": […], "headers": {…}, "body": {…}}
"""

from dataclasses import asdict
from typing import Any, Final

from tanzaku.gateway._asked import MESSAGES
from tanzaku.gateway._preflight import find_violations
from tanzaku.gateway._stages import Asked, Caller
from tanzaku.gateway.keys import check_admin, read_object, reply
from tanzaku.gateway.routes._table import RouteTable
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError, Violation

ROUTES: Final = "/_tanzaku/routes"


class RouteRoutes:
    """A `Handler` for the paths above. Raises ApiError."""

    def __init__(self, table: RouteTable, token: str | None) -> None:
        self._table = table
        self._token = token

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        check_admin(request, self._token)
        match request.method, request.path.removeprefix(ROUTES):
            case "GET", "":
                upstreams = self._table.upstreams.values()
                return reply({"upstreams": [upstream.describe() for upstream in upstreams]})
            case "POST", "/explain":
                return reply(explain(self._table, read_object(request)))
            case _:
                raise ApiError.not_found()


def explain(table: RouteTable, told: dict[str, Any]) -> dict[str, Any]:
    """What the gateway would do with the call that `told` is about, as JSON: the rule, every way
    with what stands against it now, why earlier rules do not take the call, and what the API would
    refuse it for.

    Of a call are told `model`, `path`, `key`, `team`, `tags`, `headers` and `body`, each if it
    matters. ApiError 400 for what is something else, 404 where no rule takes the call.
    """
    asked, caller = _build_asked(told)
    plan = table.explain(asked, caller)
    return {
        "route": plan.rule.name,
        "tries": [{**asdict(way), "not_now": bar} for way, bar in plan.ways],
        "earlier_routes": [
            {"route": name, "does_not_hold": what} for name, what in plan.missed.items()
        ],
        "violations": [str(one) for one in _find_violations(asked, plan.ways[0][0].model)],
    }


def _find_violations(asked: Asked, model: str | None) -> list[Violation]:
    """Nothing where no body was told: then it is not the whole call."""
    return find_violations(asked, model) if asked.params.keys() - {"model"} else []


def _build_asked(told: dict[str, Any]) -> tuple[Asked, Caller]:
    texts = {name: told.get(name, "") for name in ("model", "path", "key", "team")}
    tags, headers, body = told.get("tags", []), told.get("headers", {}), told.get("body", {})
    if not all(isinstance(text, str) for text in texts.values()):
        raise ApiError.invalid_request("model, path, key and team must be texts")
    if not isinstance(tags, list) or not isinstance(headers, dict) or not isinstance(body, dict):
        raise ApiError.invalid_request("tags must be a list, headers and body objects")
    path = texts["path"] or MESSAGES
    lines = [
        (str(name).lower().encode(), str(value).encode("utf-8", "replace"))
        for name, value in headers.items()
    ]
    request = HttpRequest("POST", path, lines, b"")
    params = body | ({"model": texts["model"]} if texts["model"] else {})
    asked = Asked(request, path, params, b"", {}, 0.0, is_message=path == MESSAGES)
    return asked, Caller(texts["key"], texts["team"], "", tuple(map(str, tags)))
