"""Deferred calls over HTTP.

POST   /v1/messages with `tanzaku-when`     202 and a ticket
GET    /_tanzaku/later                      the caller's tickets, newest first
GET    /_tanzaku/later/{id}?wait=30         the answer, or 202 and the ticket after so many seconds
DELETE /_tanzaku/later/{id}                 taken back, if it is not at the upstream yet
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic_core import to_json

from tanzaku.core import Clock, derive_id, format_rfc3339
from tanzaku.gateway._asked import MESSAGES
from tanzaku.gateway._headers import read_request_head
from tanzaku.gateway._stages import ANYONE, Asked, Caller, Door, Target
from tanzaku.gateway.batching._batching import Batching
from tanzaku.gateway.batching._deferred import Deferred
from tanzaku.gateway.batching._results_url import find_own_origin
from tanzaku.ledger import LedgerError
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import REQUEST_ID, RETRY_AFTER, SHOULD_RETRY, ApiError, get_error_type

LATER_PATH: Final = "/_tanzaku/later"
LATER_ID_HEADER: Final = b"tanzaku-later-id"
_LONGEST_WAIT_S: Final = 60
_LARGEST_PAGE: Final = 1000
_PAGE: Final = 100


class LaterRoutes:
    """A `Handler` for the paths below `/_tanzaku/later`. Raises ApiError.

    With a `door` a caller needs a key that may ask for messages, and sees what was asked with it;
    without one everybody sees all. `public_url` is as `find_own_origin` takes it.
    """

    def __init__(
        self, batching: Batching, *, clock: Clock, door: Door | None = None, public_url: str = ""
    ) -> None:
        self._batching = batching
        self._clock = clock
        self._door = door
        self._public_url = public_url

    async def defer(self, asked: Asked, caller: Caller, targets: Sequence[Target]) -> HttpResponse:
        """202 and a ticket for a call with `tanzaku-when`. ApiError as `Batching.accept`, and 503
        where the call cannot be kept."""
        try:
            call = await self._batching.accept(asked, caller, targets)
        except LedgerError as error:
            raise ApiError(
                503,
                get_error_type(503),
                f"The call cannot be kept for later: {error}",
                headers=((RETRY_AFTER, b"5"),),
            ) from error
        return self._build_ticket(call, asked.request)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        caller = self._admit(request)
        call_id = request.path.removeprefix(LATER_PATH).removeprefix("/")
        query = _read_query(request)
        if not call_id:
            if request.method != "GET":
                raise ApiError.not_found()
            return self._list(request, caller, query)
        call = self._find(call_id, caller)
        match request.method:
            case "GET":
                return await self._fetch(call, request, query.get("wait", 0))
            case "DELETE":
                await self._batching.cancel(call)
                return self._reply(200, self._describe(call, request))
            case _:
                raise ApiError.not_found()

    def _build_ticket(self, call: Deferred, request: HttpRequest) -> HttpResponse:
        url = f"{LATER_PATH}/{call.id}"
        return self._reply(
            202,
            self._describe(call, request),
            (b"location", url.encode()),
            (RETRY_AFTER, b"10"),
            (LATER_ID_HEADER, call.id.encode()),
        )

    async def _fetch(self, call: Deferred, request: HttpRequest, wait_s: int) -> HttpResponse:
        await self._batching.endings.wait(call, wait_s)
        if call.is_over:
            status, body = await self._batching.endings.read_answer(call)
        elif call.is_late(self._clock.now()):
            late = ApiError(504, "timeout_error", f"{call.id} has no answer at its deadline yet.")
            status, body = 504, late.body(derive_id("req", call.id))
        else:
            return self._build_ticket(call, request)
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (REQUEST_ID, derive_id("req", call.id).encode()),
            (LATER_ID_HEADER, call.id.encode()),
        ]
        if status >= 400:
            # Asked again the same answer comes; an SDK would wait for a better one.
            headers.append((SHOULD_RETRY, b"false"))
        return HttpResponse(status, headers, body)

    def _list(self, request: HttpRequest, caller: Caller, query: dict[str, int]) -> HttpResponse:
        calls = self._batching.endings.calls
        own = [call for call in reversed(calls.values()) if self._is_own(call, caller)]
        page = own[: query.get("limit", _PAGE)]
        tickets = [self._describe(call, request) for call in page]
        return self._reply(200, {"data": tickets, "has_more": len(own) > len(page)})

    def _find(self, call_id: str, caller: Caller) -> Deferred:
        call = self._batching.endings.calls.get(call_id)
        if call is None or not self._is_own(call, caller):
            raise ApiError.not_found(f"{call_id} not found.")
        return call

    def _is_own(self, call: Deferred, caller: Caller) -> bool:
        return self._door is None or call.key_id == caller.key_id

    def _admit(self, request: HttpRequest) -> Caller:
        if self._door is None:
            return ANYONE
        labels = read_request_head(request.headers).labels
        asked = Asked(request, MESSAGES, {}, b"", labels, self._clock.now(), True)
        caller = self._door.identify(asked)
        self._door.check(asked, caller)
        return caller

    def _describe(self, call: Deferred, request: HttpRequest) -> dict[str, Any]:
        shown = {"queued": "queued", "sent": "in_progress", "direct": "in_progress"}
        origin = find_own_origin(request, self._public_url)
        return {
            "id": call.id,
            "type": "tanzaku_later",
            "status": shown.get(call.state, call.state),
            "created_at": format_rfc3339(call.made_at),
            "deadline": None if call.deadline is None else format_rfc3339(call.deadline),
            "upstream": call.group.upstream,
            "url": f"{origin}{LATER_PATH}/{call.id}",
        }

    def _reply(self, status: int, value: Any, *more: tuple[bytes, bytes]) -> HttpResponse:
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *more]
        return HttpResponse(status, headers, to_json(value))


def _read_query(request: HttpRequest) -> dict[str, int]:
    bounds = {"wait": (0, _LONGEST_WAIT_S), "limit": (1, _LARGEST_PAGE)}
    values = {}
    for name, text in parse_qsl(request.target.partition("?")[2], keep_blank_values=True):
        if name not in bounds:
            raise ApiError.invalid_request(f"{name}: unknown; known are limit and wait")
        least, most = bounds[name]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if not least <= number <= most:
            raise ApiError.invalid_request(f"{name}: must be a whole number from {least} to {most}")
        values[name] = number
    return values
