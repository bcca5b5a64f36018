"""What a client sees of prompt caching: usage and diagnostics of messages and streams."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator
from unit.simulator.cache_driver import MARK, text

# Long enough for Haiku 5.5, and short enough to be counted on the spot.
SYSTEM = [text(550, **MARK)]
READ = {
    # `ctok` 1.3.0 of the message "Hello" alone.
    "input_tokens": 9,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 550,
}
WRITTEN = READ | {"cache_creation_input_tokens": 550, "cache_read_input_tokens": 0}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(1_795_000_000.0)


@pytest.fixture
def talk(clock: VirtualClock, ask: Callable[..., Any]) -> Callable[..., Any]:
    """Sends to one simulator; gives the message, or the events of a stream by type."""
    simulator = Simulator(clock=clock)

    def talk_once(**fields: Any) -> Any:
        body = ask(
            "Hello", simulator=simulator, system=SYSTEM, model="claude-haiku-5-5", **fields
        ).body
        if not fields.get("stream"):
            return json.loads(body)
        data = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
        return {event["type"]: event for event in map(json.loads, data)}

    return talk_once


def pick(usage: dict[str, Any]) -> dict[str, Any]:
    return {name: usage[name] for name in READ}


@pytest.mark.fidelity(
    "prompt caching",
    "message_start has all counts, message_delta all but the split by lifetime",
    "exact",
    "anthropic 2.12.0 types/message_delta_usage.py",
)
def test_usage_of_streams(talk: Callable[..., Any], clock: VirtualClock) -> None:
    for expected, pause in ((WRITTEN, 0), (READ, 0), (READ, 299), (WRITTEN, 300), (READ, 0)):
        clock.advance(pause)
        events = talk(stream=True)
        start = events["message_start"]["message"]["usage"]
        assert pick(start) == pick(events["message_delta"]["usage"]) == expected
        assert sum(start["cache_creation"].values()) == expected["cache_creation_input_tokens"]
        assert "cache_creation" not in events["message_delta"]["usage"]


def test_usage_of_messages(talk: Callable[..., Any]) -> None:
    assert [pick(talk()["usage"]) for _ in range(3)] == [WRITTEN, READ, READ]


@pytest.mark.fidelity(
    "cache diagnostics",
    "null unless asked for; on the message, and in message_start",
    "documented",
    "build-with-claude/cache-diagnostics, 2026-10",
)
def test_diagnostics(talk: Callable[..., Any]) -> None:
    assert talk()["diagnostics"] is None
    first = talk(diagnostics={"previous_message_id": None})
    assert first["diagnostics"] is None
    asked = {"previous_message_id": first["id"]}
    events = talk(
        tools=[{"name": "look", "input_schema": {"type": "object"}}], diagnostics=asked, stream=True
    )
    reason = events["message_start"]["message"]["diagnostics"]["cache_miss_reason"]
    assert reason["type"] == "tools_changed"
    assert reason["cache_missed_input_tokens"] == pytest.approx(550 * 5 / 4, abs=9)
    assert talk(diagnostics=asked)["diagnostics"] is None
