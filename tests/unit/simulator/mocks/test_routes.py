"""The HTTP door: calls, switches and the log, asked as bytes."""

import asyncio
import json
from typing import Any

import pytest

from harness.mocked import build_mocks, write_tool
from tanzaku.core import VirtualClock
from tanzaku.simulator.mocks import MockRoutes, ToolMocks
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import ApiError

FILE = write_tool(
    "{success: {result: {ok: 支付}}, text: {result: plain}, nothing: {result: null},"
    " busy: {error: {message: wait, status: 429, body: {code: B}, retry_after_s: 2}},"
    " slow: {latency_s: 5, result: late}}",
    runs="{nightly: {t: text}}",
)


def build_request(method: str, target: str, body: Any = None, run: str = "") -> HttpRequest:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    headers = [(b"tanzaku-run", run.encode())] if run else []
    return HttpRequest(method, f"/_tanzaku/mocks{target}", headers, raw)


def ask(mocks: ToolMocks, method: str, target: str, body: Any = None, run: str = "") -> Any:
    """Status and JSON of an answer."""
    response = asyncio.run(MockRoutes(mocks)(build_request(method, target, body, run)))
    return response.status, read(response)


def read(response: HttpResponse) -> Any:
    assert isinstance(response.body, bytes)
    assert get_header(response.headers, b"content-type") == b"application/json"
    return json.loads(response.body)


@pytest.fixture
def mocks() -> ToolMocks:
    return build_mocks(FILE)


@pytest.mark.parametrize(
    ("set_name", "status", "body"),
    [
        ("success", 200, {"ok": "支付"}),
        ("text", 200, "plain"),
        ("nothing", 200, None),
        ("busy", 429, {"code": "B"}),
    ],
)
def test_a_call_is_answered_as_its_set_says(
    mocks: ToolMocks, set_name: str, status: int, body: Any
) -> None:
    mocks.use("t", set_name)
    assert ask(mocks, "POST", "/t/call", {"x": 1}) == (status, body)
    assert mocks.calls[0].arguments == {"x": 1}


def test_an_answer_names_its_set_and_the_wait_it_asks_for(mocks: ToolMocks) -> None:
    mocks.use("t", "busy")
    response = asyncio.run(MockRoutes(mocks)(build_request("POST", "/t/call")))
    assert get_header(response.headers, b"tanzaku-rule") == b"mocks/t/busy"
    assert get_header(response.headers, b"retry-after") == b"2"


def test_bad_arguments_are_refused_with_what_is_wrong(mocks: ToolMocks) -> None:
    assert ask(mocks, "POST", "/t/call", {"y": 5}) == (
        400,
        {"error": {"message": "y: must be string, not integer"}},
    )


def test_the_header_names_the_run(mocks: ToolMocks) -> None:
    assert ask(mocks, "POST", "/t/call", {}, run="nightly") == (200, "plain")
    assert mocks.calls[0].run == "nightly"


def test_a_set_is_switched_for_all_or_for_one_run_and_back(mocks: ToolMocks) -> None:
    assert ask(mocks, "PUT", "/t", {"set": "busy"}) == (
        200,
        {"tool": "t", "set": "busy", "run": ""},
    )
    ask(mocks, "PUT", "/t", {"set": "nothing", "run": "nightly"})
    assert ask(mocks, "POST", "/t/call")[0] == 429
    assert ask(mocks, "POST", "/t/call", run="nightly") == (200, None)
    assert ask(mocks, "PUT", "/t", {"set": None, "run": "nightly"})[1]["set"] == "text"
    assert ask(mocks, "PUT", "/t", {"set": None})[1]["set"] == "success"


def test_the_tools_are_listed_with_the_set_that_answers(mocks: ToolMocks) -> None:
    mocks.use("t", "busy")
    assert ask(mocks, "GET", "") == (
        200,
        {
            "tools": [
                {
                    "name": "t",
                    "description": "",
                    "input_schema": {
                        "type": "object",
                        "properties": {"x": {}, "y": {"type": "string"}},
                    },
                    "sets": ["success", "text", "nothing", "busy", "slow", "timeout", "bad_args"],
                    "default": "success",
                    "set": "busy",
                }
            ]
        },
    )


def test_the_log_is_read_whole_or_in_part_and_forgotten(mocks: ToolMocks) -> None:
    for run in ("a", "", "a"):
        ask(mocks, "POST", "/t/call", {"x": run}, run=run)

    def numbers(query: str) -> list[int]:
        return [logged["number"] for logged in ask(mocks, "GET", f"/calls{query}")[1]["calls"]]

    assert [numbers(query) for query in ("", "?run=a", "?run=", "?tool=u", "?tool=t&run=a")] == [
        [1, 2, 3],
        [1, 3],
        [2],
        [],
        [1, 3],
    ]
    assert ask(mocks, "GET", "/calls?run=")[1]["calls"] == [mocks.calls[1].to_json()]
    assert ask(mocks, "POST", "/reset") == (200, {})
    assert numbers("") == []


def test_a_hung_call_is_held_until_the_cap_and_is_then_a_504(mocks: ToolMocks) -> None:
    mocks.use("t", "timeout")

    async def scenario() -> HttpResponse:
        assert isinstance(mocks.clock, VirtualClock)
        task = asyncio.ensure_future(MockRoutes(mocks)(build_request("POST", "/t/call")))
        await asyncio.sleep(0)
        mocks.clock.advance(599)
        await asyncio.sleep(0)
        assert not task.done()
        mocks.clock.advance(1)
        return await task

    response = asyncio.run(scenario())
    assert response.status == 504
    assert read(response) == {"error": {"message": "t did not answer within 600 s"}}


def test_a_slow_call_shows_in_the_log_while_it_waits(mocks: ToolMocks) -> None:
    mocks.use("t", "slow")

    async def scenario() -> tuple[Any, HttpResponse]:
        assert isinstance(mocks.clock, VirtualClock)
        routes = MockRoutes(mocks)
        task = asyncio.ensure_future(routes(build_request("POST", "/t/call")))
        await asyncio.sleep(0)
        seen = read(await routes(build_request("GET", "/calls")))["calls"][0]
        mocks.clock.advance(5)
        return seen, await task

    seen, response = asyncio.run(scenario())
    assert (seen["state"], seen["latency_s"], read(response)) == ("waiting", 5, "late")


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "message"),
    [
        ("POST", "/u/call", {}, 404, "No tool is called `u`. There are t."),
        ("PUT", "/u", {"set": "success"}, 404, "No tool is called `u`. There are t."),
        (
            "PUT",
            "/t",
            {"set": "x"},
            404,
            "The tool `t` has no set `x`. Its sets are success, text, nothing, busy, slow, "
            "timeout, bad_args.",
        ),
        (
            "PUT",
            "/t",
            {},
            400,
            'Say {"set": "name"}, with "run" beside it for one run.',
        ),
        ("PUT", "/t", {"set": 1}, 400, 'Say {"set": "name"}, with "run" beside it for one run.'),
        ("PUT", "/t", {"sets": "x"}, 400, "sets: unknown; known are set and run"),
        ("POST", "/t/call", b"{", 400, "The body is not JSON."),
        ("POST", "/t/call", b'{"x": "\\ud800"}', 400, "The body is not JSON."),
        ("POST", "/t/call", b"[" * 100_000, 400, "The body is not JSON."),
        ("POST", "/t/call", [], 400, "The body must be a JSON object."),
        ("GET", "/calls?n=1", None, 400, "n: unknown; known are tool and run"),
        ("GET", "/t/call", None, 404, "Not found"),
        ("DELETE", "/t", None, 404, "Not found"),
        ("GET", "/t", None, 404, "Not found"),
        ("GET", "er", None, 404, "Not found"),
    ],
)
def test_a_wrong_request_is_refused(
    mocks: ToolMocks, method: str, target: str, body: Any, status: int, message: str
) -> None:
    with pytest.raises(ApiError) as caught:
        ask(mocks, method, target, body)
    assert (caught.value.status, caught.value.message) == (status, message)
    assert mocks.calls == []
