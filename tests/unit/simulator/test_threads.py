"""Conversations the server holds, told to the SDK's own thread state by its own error classes."""

import asyncio
import json
from typing import Any

import anthropic
import httpx2
import pytest

from tanzaku.core import VirtualClock
from tanzaku.simulator import PaceSettings, Simulator, SimulatorSettings
from tanzaku.transport import HttpRequest, HttpResponse, read_all

BETA = b"message-threads-2026-08-12"
ERRORS = {
    "thread_not_found": "ThreadNotFoundError",
    "thread_already_continued": "ThreadAlreadyContinuedError",
    "thread_fingerprint_mismatch": "ThreadFingerprintMismatchError",
}
TOOL = {"name": "look", "input_schema": {"type": "object"}}


def build_request(thread: dict[str, Any], content: Any, **fields: Any) -> HttpRequest:
    messages = [] if content is None else [{"role": "user", "content": content}]
    body = {"model": "claude-haiku-4-5", "max_tokens": 200, "thread": thread, "messages": messages}
    headers = [
        (b"x-api-key", b"k"),
        (b"anthropic-version", b"2026-10-21"),
        (b"anthropic-beta", BETA),
    ]
    return HttpRequest("POST", "/v1/messages", headers, json.dumps(body | fields).encode())


def ask(simulator: Simulator, *request: Any, **fields: Any) -> HttpResponse:
    async def call() -> HttpResponse:
        return await simulator(build_request(*request, **fields))

    return asyncio.run(call())


def read(response: HttpResponse) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    value: dict[str, Any] = json.loads(response.body)
    return value


def continue_from(message: dict[str, Any]) -> dict[str, Any]:
    return {"type": "continue", "previous_message_id": message["id"]}


@pytest.mark.fidelity(
    "threads", "a continued thread has the turns before it", "documented", "SDK 2.12 lib/threads"
)
def test_a_continued_thread_counts_the_turns_before_it(simulator: Simulator) -> None:
    first = read(ask(simulator, {"type": "create"}, "Say exactly: seven words", system="Be kind."))
    second = read(ask(simulator, continue_from(first), "And now?"))
    turns = [
        {"role": "user", "content": "Say exactly: seven words"},
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": "And now?"},
    ]
    whole = {"model": "claude-haiku-4-5", "messages": turns, "system": "Be kind."}
    headers = [(b"x-api-key", b"k"), (b"anthropic-version", b"2023-06-01")]
    counting = HttpRequest(
        "POST", "/v1/messages/count_tokens", headers, json.dumps(whole, default=str).encode()
    )

    async def count() -> HttpResponse:
        return await simulator(counting)

    counted = read(asyncio.run(count()))
    assert second["usage"]["input_tokens"] == counted["input_tokens"]


@pytest.mark.parametrize(
    ("thread", "fields", "status", "code"),
    [
        ({"type": "continue", "previous_message_id": "msg_1"}, {}, 404, "thread_not_found"),
        ("continued", {}, 400, "thread_already_continued"),
        ("open", {"system": "Other."}, 400, "thread_fingerprint_mismatch"),
        ("open", {"tools": [TOOL]}, 400, "thread_fingerprint_mismatch"),
    ],
    ids=["unknown", "continued twice", "another system", "other tools"],
)
@pytest.mark.fidelity(
    "threads", "refused with the codes that the SDK falls back on", "documented", "SDK 2.12 types"
)
def test_a_thread_is_refused_with_the_code_the_sdk_reads(
    simulator: Simulator, thread: Any, fields: dict[str, Any], status: int, code: str
) -> None:
    first = read(ask(simulator, {"type": "create"}, "Hello", system="Be kind."))
    if thread == "continued":
        assert ask(simulator, continue_from(first), "Once").status == 200
    if isinstance(thread, str):
        thread = continue_from(first)
    refused = ask(simulator, thread, "Again", **fields)
    body = read(refused)
    assert (refused.status, body["error"]["details"]["error_code"]) == (status, code)
    response = httpx2.Response(status, request=httpx2.Request("POST", "http://x"), json=body)
    with anthropic.Anthropic(api_key="k") as client:
        error = client._make_status_error_from_response(response)
    assert type(error).__name__ == ERRORS[code]


@pytest.mark.parametrize(
    "thread",
    [
        {"type": {}},
        {"type": []},
        {"type": "continue"},
        {"type": "continue", "previous_message_id": {}},
        {"type": "continue", "previous_message_id": ["msg_1"]},
    ],
    ids=json.dumps,
)
def test_a_thread_of_a_wrong_shape_is_refused(simulator: Simulator, thread: Any) -> None:
    refused = ask(simulator, thread, "Hello")
    assert refused.status == 400
    assert read(refused)["error"]["message"].startswith("thread")


def test_a_thread_goes_on_with_messages_alone(simulator: Simulator) -> None:
    first = read(ask(simulator, {"type": "create"}, "Hello"))
    refused = ask(simulator, continue_from(first), "And?", messages=None)
    assert refused.status == 400
    assert read(refused)["error"]["message"].startswith("messages: ")


def test_a_refusal_of_another_kind_leaves_the_thread_open(simulator: Simulator) -> None:
    first = read(ask(simulator, {"type": "create"}, "Hello"))
    assert ask(simulator, continue_from(first), "").status == 400
    assert ask(simulator, continue_from(first), "Still there?").status == 200


def test_a_turn_under_way_blocks_a_second_and_an_abandoned_one_does_not() -> None:
    clock = VirtualClock()
    settings = SimulatorSettings(pace=PaceSettings(full_load_factor=1))
    simulator = Simulator(clock=clock, settings=settings)

    async def scenario() -> list[str | int]:
        seen: list[str | int] = []
        creating = asyncio.create_task(simulator(build_request({"type": "create"}, "Hello")))
        while not creating.done():
            clock.advance(1)
            await asyncio.sleep(0)
        first = read(creating.result())
        stream = await simulator(build_request(continue_from(first), "Count to 30", stream=True))
        while_open = await simulator(build_request(continue_from(first), "Me too"))
        seen.append(read(while_open)["error"]["details"]["error_code"])
        assert not isinstance(stream.body, bytes)
        await stream.body.aclose()  # type: ignore[attr-defined]
        again = await simulator(build_request(continue_from(first), "Me too", stream=True))
        reading = asyncio.create_task(read_all(again))
        while not reading.done():
            clock.advance(1)
            await asyncio.sleep(0)
        seen.append(again.status)
        return seen

    assert asyncio.run(scenario()) == ["thread_continue_in_flight", 200]
