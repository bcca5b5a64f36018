"""The tools over HTTP, for the code that implements them, and the switches for tests.

GET  /_tanzaku/mocks                what tools there are, their sets, which one answers now
GET  /_tanzaku/mocks/calls          the call log, oldest first; `?tool=` and `?run=` narrow it
POST /_tanzaku/mocks/reset          forgets calls and switches
POST /_tanzaku/mocks/{tool}/call    a call: arguments in, result out, as JSON
PUT  /_tanzaku/mocks/{tool}         {"set": "timeout", "run": "nightly"}; null takes it back
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from pydantic_core import from_json, to_json

from tanzaku.core import UserError
from tanzaku.exchange import LABEL_PREFIX, RULE_HEADER
from tanzaku.simulator.mocks._mocks import ToolMocks
from tanzaku.simulator.mocks._outcomes import MockAnswer, MockFailure, MockResult
from tanzaku.transport import HeaderList, HttpRequest, HttpResponse, get_header
from tanzaku.wire import RETRY_AFTER, ApiError

PATH = "/_tanzaku/mocks"
RUN_LABEL = LABEL_PREFIX + "run"
_GATEWAY_TIMEOUT = 504


class MockRoutes:
    """A `Handler` for every path at and below `/_tanzaku/mocks`.

    A call fails as its set says: with its status, and one that hangs is held until the client goes
    away or the cap is reached (504). The header `tanzaku-run` names a call's run. What is wrong
    with a request itself is raised as ApiError.
    """

    def __init__(self, mocks: ToolMocks) -> None:
        self._mocks = mocks

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        steps = [unquote(step) for step in request.path.removeprefix(PATH).split("/")]
        match request.method, steps:
            case "GET", [""]:
                return _reply(
                    200, {"tools": [self._describe(name) for name in self._mocks.definitions]}
                )
            case "GET", ["", "calls"]:
                return self._list_calls(request)
            case "POST", ["", "reset"]:
                self._mocks.reset()
                return _reply(200, {})
            case "POST", ["", tool, "call"]:
                return await self._call(tool, request)
            case "PUT", ["", tool]:
                return self._switch(tool, request)
            case _:
                raise ApiError.not_found()

    def _describe(self, name: str) -> dict[str, Any]:
        tool = self._mocks.definitions[name]
        return {
            "name": name,
            "description": tool.description,
            "input_schema": tool.schema.plain,
            "sets": list(tool.sets),
            "default": tool.default,
            "set": self._mocks.find_set(name),
        }

    def _list_calls(self, request: HttpRequest) -> HttpResponse:
        query = parse_qs(request.target.partition("?")[2], keep_blank_values=True)
        for key in query:
            if key not in {"tool", "run"}:
                raise ApiError.invalid_request(f"{key}: unknown; known are tool and run")
        calls = [
            call.to_json()
            for call in self._mocks.calls
            if call.tool in query.get("tool", [call.tool])
            and call.run in query.get("run", [call.run])
        ]
        return _reply(200, {"calls": calls})

    async def _call(self, tool: str, request: HttpRequest) -> HttpResponse:
        _refuse_missing(lambda: self._mocks.get_tool(tool))
        run = (get_header(request.headers, RUN_LABEL.encode()) or b"").decode("latin-1")
        arguments = _parse_object(request)
        pending = self._mocks.begin(tool, arguments, run=run)
        answer = await self._mocks.wait(pending)
        return _render(answer, f"mocks/{tool}/{pending.call.set}")

    def _switch(self, tool: str, request: HttpRequest) -> HttpResponse:
        body = _parse_object(request)
        for key in body:
            if key not in {"set", "run"}:
                raise ApiError.invalid_request(f"{key}: unknown; known are set and run")
        set_name, run = body.get("set"), body.get("run", "")
        if "set" not in body or not isinstance(set_name, str | None) or not isinstance(run, str):
            raise ApiError.invalid_request('Say {"set": "name"}, with "run" beside it for one run.')
        _refuse_missing(lambda: self._mocks.use(tool, set_name, run=run))
        return _reply(200, {"tool": tool, "set": self._mocks.find_set(tool, run), "run": run})


def _render(answer: MockAnswer, rule: str) -> HttpResponse:
    headers = [(RULE_HEADER.encode(), rule.encode())]
    match answer:
        case MockResult(value):
            return _reply(200, value, headers)
        case MockFailure() as failure:
            if failure.retry_after_s is not None:
                headers.append((RETRY_AFTER, f"{failure.retry_after_s:g}".encode()))
            return _reply(failure.status, failure.body, headers)
        case timeout:
            return _reply(_GATEWAY_TIMEOUT, {"error": {"message": timeout.message}}, headers)


def _reply(status: int, value: Any, headers: HeaderList | None = None) -> HttpResponse:
    fixed = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    return HttpResponse(status, fixed + (headers or []), to_json(value))


def _parse_object(request: HttpRequest) -> dict[str, Any]:
    try:
        body = from_json(request.body or b"{}")
    except ValueError:
        raise ApiError.invalid_request("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise ApiError.invalid_request("The body must be a JSON object.")
    return body


def _refuse_missing(act: Callable[[], object]) -> None:
    try:
        act()
    except UserError as error:
        raise ApiError.not_found(f"{error.message} {error.hint}") from None
