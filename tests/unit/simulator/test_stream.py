"""The event stream: the same message as without streaming, in the API's order."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator
from tanzaku.transport import get_header
from tanzaku.wire import EventDecoder, MessageAssembler

type Ask = Callable[..., Any]

CASES: list[dict[str, Any]] = [
    {"prompt": "Explain how tides work"},
    {"prompt": "什么是量子计算？"},
    {"prompt": "Why do tides follow the moon?", "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
    {"prompt": "count to 10", "stop_sequences": ["5"]},
    {"prompt": "Explain how tides work", "max_tokens": 5},
    {
        "prompt": "What is 15 * 23?",
        "tools": [{"name": "calculator", "description": "calculate", "input_schema": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}}],
    },
]  # fmt: skip


def _events(body: bytes) -> list[dict[str, Any]]:
    decoder = EventDecoder()
    events = list(decoder.feed(body))
    assert not decoder.has_partial
    return events


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_the_stream_carries_the_message_that_json_would(ask: Ask, case: dict[str, Any]) -> None:
    fields = dict(case)
    prompt = fields.pop("prompt")
    plain = json.loads(ask(prompt, **fields).body)
    assembler = MessageAssembler()
    for event in _events(ask(prompt, stream=True, **fields).body):
        assembler.feed(event)
    streamed = assembler.message
    for message in (plain, streamed):
        del message["id"]
        for block in message["content"]:
            block.pop("id", None)
    assert streamed == plain


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_a_repeated_stream_differs_in_its_ids_alone(ask: Ask, case: dict[str, Any]) -> None:
    fields = dict(case)
    prompt = fields.pop("prompt")
    first, again = (ask(prompt, stream=True, **fields).body for _ in range(2))
    assert first != again
    ids = re.compile(rb"(msg|toolu)_[0-9A-Za-z]+")
    assert ids.sub(b"", first) == ids.sub(b"", again)


def test_the_events_come_in_the_apis_order(ask: Ask) -> None:
    response = ask("Explain how tides work", stream=True)
    kinds = [event["type"] for event in _events(response.body)]
    deltas = kinds.count("content_block_delta")
    assert kinds == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * deltas,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    content_type = get_header(response.headers, b"content-type")
    assert content_type == b"text/event-stream; charset=utf-8"


@pytest.mark.parametrize("prompt", ["Explain how tides work", "什么是量子计算？"])
def test_text_arrives_in_pieces_of_a_few_tokens(ask: Ask, prompt: str) -> None:
    events = _events(ask(prompt, stream=True).body)
    pieces = [e["delta"]["text"] for e in events if e["type"] == "content_block_delta"]
    output_tokens = next(e for e in events if e["type"] == "message_delta")["usage"][
        "output_tokens"
    ]
    assert 1 <= output_tokens / len(pieces) <= 3
    assert max(map(len, pieces)) <= 16


def test_equal_seeds_give_equal_bytes_and_another_seed_other_ids(ask: Ask) -> None:
    def run(seed: int) -> list[tuple[Any, bytes]]:
        simulator = Simulator(seed=seed, clock=VirtualClock())
        answers = [
            ask(p, simulator=simulator, stream=s)
            for p in ("Hi", "Hi", "15*23?")
            for s in (False, True)
        ]
        return [(answer.headers, answer.body) for answer in answers]

    assert run(1) == run(1)
    assert json.loads(run(1)[0][1])["id"] != json.loads(run(2)[0][1])["id"]


def test_the_same_request_again_has_another_id_and_the_same_text(ask: Ask) -> None:
    first, second = (json.loads(ask("Explain tides").body) for _ in range(2))
    assert first["id"] != second["id"]
    assert first["content"] == second["content"]


def test_the_order_of_a_requests_keys_does_not_change_its_id(send: Callable[..., Any]) -> None:
    bodies = [
        b'{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
        b'{"max_tokens":9, "messages":[{"content":"hi","role":"user"}], "model":"claude-haiku-4-5"}',
    ]
    ids = []
    for body in bodies:
        response = send("POST", "/v1/messages", body, to=Simulator(clock=VirtualClock()))
        ids.append(json.loads(response.body)["id"])
    assert ids[0] == ids[1]
