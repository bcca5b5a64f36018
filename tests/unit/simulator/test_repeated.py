"""A request that comes again is answered as it was: the same but for its ids."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.catalog import get_model
from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator
from tanzaku.simulator._brain import Prepared
from tanzaku.simulator._kept import Kept
from tanzaku.transport import get_header

type Send = Callable[..., Any]
type Ask = Callable[..., Any]

ID = re.compile(rb"\b(?:msg|toolu)_01\w{22}")
DAY_S = 86_400.0
CALCULATOR = {"name": "calculator", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stream": True},
        {"tools": [CALCULATOR], "tool_choice": {"type": "any"}},
        {"tools": [CALCULATOR], "tool_choice": {"type": "any"}, "stream": True},
        {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]},
    ],
    ids=["whole", "stream", "tool", "tool-stream", "marked"],
)
def test_only_the_ids_of_repeated_answers_differ(ask: Ask, fields: dict[str, Any]) -> None:
    answers = [ask('Say "id":"" and why.', **fields) for _ in range(4)]
    assert len({ID.sub(b"", answer.body) for answer in answers}) == 1
    ids = [found for answer in answers for found in set(ID.findall(answer.body))]
    assert len(ids) == len(set(ids)) == len(answers) * (1 + ("tools" in fields))
    assert len({get_header(answer.headers, b"request-id") for answer in answers}) == len(answers)


def test_a_request_counts_as_repeated_however_its_json_is_written(send: Send) -> None:
    def count_from(first: int) -> list[bytes]:
        """The ids of a fresh simulator's answers, in the order of the ways to write."""
        fresh = Simulator(clock=VirtualClock())
        answers = [send("POST", "/v1/messages", body, to=fresh) for body in ways[first:] + ways]
        return [answer.body for answer in answers]

    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
    }
    turned = dict(reversed(body.items()))
    ways = [json.dumps(body).encode(), json.dumps(turned, indent=1).encode()]
    assert count_from(0)[:3] == count_from(1)[:3]


def test_a_repeated_request_is_not_answered_past_its_models_end(ask: Ask) -> None:
    # Sonnet 4.5 ends on 2026-11-30 by the SDK's deprecation table.
    clock = VirtualClock(1_795_910_400.0)
    simulator = Simulator(clock=clock)

    def ask_it() -> int:
        return ask("hi", model="claude-sonnet-4-5", simulator=simulator).status

    statuses = [ask_it(), ask_it(), ask_it()]
    clock.advance(2 * DAY_S)
    statuses.append(ask_it())
    assert statuses == [200, 200, 200, 404]


def test_what_a_second_line_of_betas_unlocked_stays_locked_without_it(send: Send) -> None:
    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
        "mcp_servers": [{"type": "url", "name": "any", "url": "https://mcp.test"}],
    }
    headers = [(b"x-api-key", b"k"), (b"anthropic-version", b"2026-10-21")]
    headers.append((b"anthropic-beta", b"interleaved-thinking-2025-05-14"))
    unlocked = [*headers, (b"anthropic-beta", b"mcp-client-2025-11-20")]
    statuses = [
        send("POST", "/v1/messages", json.dumps(body).encode(), lines).status
        for lines in (unlocked, unlocked, unlocked, headers)
    ]
    assert statuses == [200, 200, 200, 400]


def test_an_answer_told_for_a_repeated_request_is_given(ask: Ask, simulator: Simulator) -> None:
    texts = []
    for told in (None, None, "Told.", None):
        if told is not None:
            simulator.say(told)
        texts.append(json.loads(ask("hi").body)["content"][0]["text"])
    assert texts[2] == "Told."
    assert texts[0] == texts[1] == texts[3] != "Told."


@pytest.mark.parametrize(("size", "most"), [(10, 2048), (16_000, (16 << 20) // 16_000)])
def test_what_is_kept_is_bounded_in_number_and_bytes(size: int, most: int) -> None:
    kept = Kept()
    keys = [(b"%d" % number, bytes(size)) for number in range(3000)]
    for key in keys:
        kept.put(key, Prepared({}, get_model("claude-haiku-4-5"), b"", 0, None, [], b""))
    found = [kept.get(key) is not None for key in keys]
    assert most - 2 <= sum(found) <= most
    assert found == sorted(found)
