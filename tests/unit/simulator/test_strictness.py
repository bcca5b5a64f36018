"""How much of a wrong request is let through, and how that is said."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from anthropic.types import Message

from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator, SimulatorSettings, Strictness
from tanzaku.transport import get_header

CLOCK = VirtualClock(1_795_000_000.0)
PREFILL = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "So "}]


def build(strictness: Strictness) -> Simulator:
    return Simulator(clock=CLOCK, settings=SimulatorSettings(strictness=strictness))


WAIVED: list[tuple[str, dict[str, Any]]] = [
    ("nonsense: Extra inputs are not permitted", {"nonsense": 1}),
    ("temperature: Extra inputs are not permitted", {"temperature": 0.3}),
    ("This model does not support the effort parameter.", {"output_config": {"effort": "low"}}),
    (
        "messages: final assistant content cannot end with trailing whitespace",
        {"messages": PREFILL},
    ),
    ("model: claude-haiku-9", {"model": "claude-haiku-9"}),
    ("messages: at least one message is required", {"messages": []}),
    (
        "max_tokens: 99999 > 64000, which is the maximum allowed number of output tokens for "
        "claude-haiku-4-5-20251001",
        {"max_tokens": 99_999},
    ),
]


@pytest.mark.parametrize(("text", "fields"), WAIVED, ids=[text for text, _ in WAIVED])
def test_warn_answers_and_names_what_live_would_have_refused(
    ask: Any, text: str, fields: dict[str, Any]
) -> None:
    refused = ask(**fields)
    assert refused.status >= 400
    assert json.loads(refused.body)["error"]["message"] == text
    answered = ask(simulator=build("warn"), **fields)
    assert answered.status == 200
    Message.model_validate_json(answered.body, strict=True)
    said = get_header(answered.headers, b"tanzaku-violations")
    assert said is not None
    assert unquote(said.decode("ascii")) == text


def test_warn_says_nothing_of_a_good_request(ask: Any) -> None:
    answered = ask(simulator=build("warn"))
    assert answered.status == 200
    assert get_header(answered.headers, b"tanzaku-violations") is None


@pytest.mark.parametrize("strictness", ["warn", "schema"])
@pytest.mark.parametrize(
    "fields",
    [{"messages": "Hi"}, {"max_tokens": None}, {"messages": [{"role": "user"}]}, {"tools": [1]}],
    ids=["messages is a text", "no max_tokens", "no content", "a tool that is none"],
)
def test_what_cannot_be_read_is_refused_as_always(
    ask: Any, strictness: Strictness, fields: dict[str, Any]
) -> None:
    waived, refused = ask(simulator=build(strictness), **fields), ask(**fields)
    assert waived.status == refused.status == 400
    assert json.loads(waived.body)["error"] == json.loads(refused.body)["error"]


def test_schema_looks_at_the_shape_alone(ask: Any) -> None:
    """As the generated suites of SDKs send it: every parameter at once, names that do not exist."""
    answered = ask(
        simulator=build("schema"),
        model="string",
        version="2099-01-01",
        temperature=1,
        top_k=5,
        top_p=0.7,
        thinking={"type": "adaptive"},
        output_config={"effort": "low"},
        speed="standard",
        container="container",
        thread={"type": "create"},
        tool_choice={"type": "tool", "name": "absent"},
    )
    assert answered.status == 200, answered.body
    Message.model_validate_json(answered.body, strict=True)
    refused = ask(simulator=build("schema"), nonsense=1)
    assert json.loads(refused.body)["error"]["message"] == (
        "nonsense: Extra inputs are not permitted"
    )
