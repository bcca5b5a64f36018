"""The HTTP surface of one process: `/v1` is the Claude API, `/_tanzaku` Tanzaku's own."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from tanzaku.core import VERSION, Clock, UserError, derive_id
from tanzaku.exchange import exchange_to_json
from tanzaku.ledger import Ledger
from tanzaku.server._cors import answer_preflight, find_page, show_to
from tanzaku.transport import Handler, HttpRequest, HttpResponse, check_origin
from tanzaku.wire import REQUEST_ID, ApiError, get_error_type

# The API's own, and the shapes of Bedrock, Foundry and Bedrock's Messages endpoint.
_V1 = "/v1/"
_API_PATHS = (_V1, "/model/", "/anthropic/")
_EXCHANGES = "/_tanzaku/exchanges"
_MOST_EXCHANGES = 1000
_DEFAULT_EXCHANGES = 100
_JSON_HEADERS = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_OWN_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Refusals:
    """Answers that no upstream gave, in the API's error envelope with a request id of their own."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def build(self, error: ApiError) -> HttpResponse:
        """`error` as an answer."""
        request_id = derive_id("req", self._chance.getrandbits(64))
        headers = [*_JSON_HEADERS, (REQUEST_ID, request_id.encode()), *error.headers]
        return HttpResponse(error.status, headers, error.body(request_id))

    def build_plain(self, status: int, reason: str) -> HttpResponse:
        """`reason` under the API's error type for `status`."""
        return self.build(ApiError(status, get_error_type(status), reason))


class OwnRoutes:
    """`/_tanzaku/health`, `/_tanzaku/exchanges` and `/_tanzaku/exchanges/{id}`, GET only; below
    each path of `more` the handler it names."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        ledger_path: str | None,
        upstream: str,
        clock: Clock,
        more: Mapping[str, Handler],
    ) -> None:
        self._more = more
        self._ledger = ledger
        self._ledger_path = ledger_path
        self._upstream = upstream
        self._clock = clock
        self._began = clock.monotonic()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer; ApiError for a wrong path, method or query."""
        path = request.path
        for root, handler in self._more.items():
            if path == root or path.startswith(f"{root}/"):
                return await handler(request)
        if request.method != "GET":
            raise ApiError.not_found()
        if path == "/_tanzaku/health":
            return await self._render(self._describe_health)
        if path == _EXCHANGES:
            query = _parse_query(request)
            return await self._render(lambda: self._list_exchanges(query))
        if path.startswith(_EXCHANGES + "/"):
            exchange_id = path[len(_EXCHANGES) + 1 :]
            return await self._render(lambda: self._describe_exchange(exchange_id))
        raise ApiError.not_found()

    async def _render(self, build: Callable[[], Any]) -> HttpResponse:
        # Queries read the disk, which must not hold up the calls that pass meanwhile.
        body = await asyncio.to_thread(lambda: json.dumps(build(), ensure_ascii=False).encode())
        return HttpResponse(200, list(_JSON_HEADERS), body)

    def _describe_health(self) -> dict[str, Any]:
        return {
            "status": "ok" if self._ledger.is_healthy else "ledger_not_writable",
            "version": VERSION,
            "upstream": self._upstream,
            "ledger": self._ledger_path,
            "exchanges": self._ledger.count_exchanges(),
            "uptime_s": round(self._clock.monotonic() - self._began, 3),
        }

    def _list_exchanges(self, query: Mapping[str, Any]) -> dict[str, Any]:
        try:
            exchanges = self._ledger.list_exchanges(**query)
        except UserError as error:
            raise ApiError.invalid_request(error.message) from error
        return {"exchanges": [exchange_to_json(exchange) for exchange in exchanges]}

    def _describe_exchange(self, exchange_id: str) -> dict[str, Any]:
        try:
            exchange = self._ledger.get_exchange(exchange_id)
        except UserError as error:
            raise ApiError.not_found(error.message) from error
        return exchange_to_json(exchange, with_bodies=True)


class Router:
    """Host and Origin first, then the path decides. `hosts` are the names answered to; `guard`
    raises ApiError for who may not ask for one of Tanzaku's own paths; pages of `list_origins()` may
    call the API's own paths though they are from elsewhere."""

    def __init__(
        self,
        *,
        api: Handler,
        own: Handler,
        refusals: Refusals,
        hosts: Collection[str],
        guard: Callable[[HttpRequest], None],
        list_origins: Callable[[], Collection[str]],
    ) -> None:
        self._api = api
        self._own = own
        self._refusals = refusals
        self._hosts = hosts
        self._guard = guard
        self._list_origins = list_origins

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer of `/v1` or `/_tanzaku`, or a refusal as an API error."""
        path = request.path
        page = find_page(request, self._list_origins()) if path.startswith(_V1) else None
        refusal = check_origin(request, self._hosts, is_known_page=page is not None)
        if refusal is not None:
            return self._refusals.build_plain(refusal.status, refusal.reason)
        if page is not None:
            answer = answer_preflight(request, page)
            if answer is None:
                answer = await self._api(request)
                show_to(answer, page)
            return answer
        if path.startswith(_API_PATHS):
            return await self._api(request)
        try:
            if path.startswith("/_tanzaku/"):
                self._guard(request)
                answer = await self._own(request)
            else:
                raise ApiError.not_found()
        except ApiError as error:
            answer = self._refusals.build(error)
        return _harden(answer)


def _harden(answer: HttpResponse) -> HttpResponse:
    """No page shows, frames, guesses at or keeps what Tanzaku itself answers."""
    given = {name for name, _ in answer.headers}
    answer.headers.extend(line for line in _OWN_HEADERS if line[0] not in given)
    return answer


def _parse_query(request: HttpRequest) -> dict[str, Any]:
    query: dict[str, Any] = {"limit": _DEFAULT_EXCHANGES}
    raw = request.target.partition("?")[2]
    for name, value in parse_qsl(raw, keep_blank_values=True):
        match name:
            case "limit":
                query["limit"] = _parse_whole(name, value, 1, _MOST_EXCHANGES)
            case "status":
                query["status"] = _parse_whole(name, value, 100, 599)
            case "before":
                query["before"] = value
            case "model" | "route":
                query[name] = value
            case _:
                raise ApiError.invalid_request(
                    f"{name}: unknown; known are limit, before, model, route and status"
                )
    return query


def _parse_whole(name: str, value: str, least: int, most: int) -> int:
    number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1
    if not least <= number <= most:
        raise ApiError.invalid_request(f"{name}: must be a whole number from {least} to {most}")
    return number
