"""How the routes stand, for who has the admin token.

GET  /_tanzaku/routes          rules, and the state of every upstream
POST /_tanzaku/routes/explain  {"model": …, "path": …, "key": …, "team": …, "tags": […], "headers": {…}}
"""

from dataclasses import asdict
from typing import Any, Final

from tanzaku.gateway._stages import Asked, Caller
from tanzaku.gateway.keys import check_admin, read_object, reply
from tanzaku.gateway.routes._table import Plan, RouteTable
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError

ROUTES: Final = "/_tanzaku/routes"
_MESSAGES: Final = "/v1/messages"


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
                asked, caller = build_asked(read_object(request))
                return reply(describe_plan(self._table.explain(asked, caller)))
            case _:
                raise ApiError.not_found()


def build_asked(told: dict[str, Any]) -> tuple[Asked, Caller]:
    """The call that `told` is about: `model`, `path`, `key`, `team`, `tags`, `headers`.
    ApiError 400 for what is something else."""
    texts = {name: told.get(name, "") for name in ("model", "path", "key", "team")}
    tags, headers = told.get("tags", []), told.get("headers", {})
    if not all(isinstance(text, str) for text in texts.values()):
        raise ApiError.invalid_request("model, path, key and team must be texts")
    if not isinstance(tags, list) or not isinstance(headers, dict):
        raise ApiError.invalid_request("tags must be a list, headers an object")
    path = texts["path"] or _MESSAGES
    lines = [
        (str(name).lower().encode(), str(value).encode("utf-8", "replace"))
        for name, value in headers.items()
    ]
    request = HttpRequest("POST", path, lines, b"")
    params = {"model": texts["model"]} if texts["model"] else {}
    asked = Asked(request, path, params, b"", {}, 0.0, is_message=path == _MESSAGES)
    return asked, Caller(texts["key"], texts["team"], "", tuple(map(str, tags)))


def describe_plan(plan: Plan) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "route": plan.rule.name,
        "tries": [{**asdict(way), "not_now": reason} for way, reason in plan.ways],
        "earlier_routes": [
            {"route": name, "does_not_hold": what} for name, what in plan.missed.items()
        ],
    }
