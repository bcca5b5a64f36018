"""Tool calls: which tool, which arguments, when to stop."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

type AskMessage = Callable[..., dict[str, Any]]


def _tool(
    name: str, description: str, required: list[str] | None = None, **properties: Any
) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }
    return {"name": name, "description": description, "input_schema": schema}


STRING = {"type": "string"}
CALCULATOR = _tool("calculator", "Evaluate an arithmetic expression", expression=STRING)
WEATHER = _tool(
    "get_weather",
    "Get the current weather in a given location",
    ["location"],
    location={"type": "string", "description": "The city, e.g. San Francisco, CA"},
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
ORDER = _tool("query_order", "查询订单的物流状态", order_id=STRING)
FLIGHT = _tool(
    "book_flight",
    "Book a flight",
    origin=STRING,
    destination=STRING,
    date={"type": "string", "format": "date"},
    passengers={"type": "integer", "minimum": 1},
)
MAIL = _tool(
    "send_email", "Send an email", to={"type": "string", "format": "email"}, subject=STRING
)
NOTHING_KNOWN = _tool("zorble", "Frobnicate the quux", quux=STRING)
TOOLS = [CALCULATOR, WEATHER, ORDER, FLIGHT, MAIL, NOTHING_KNOWN]


def _calls(message: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(b["name"], b["input"]) for b in message["content"] if b["type"] == "tool_use"]


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        ("15乘以23等于多少", [("calculator", {"expression": "15*23"})]),
        ("What is 15 times 23?", [("calculator", {"expression": "15*23"})]),
        ("What is 3+4, and 5*6?", [("calculator", {"expression": "3+4"}), ("calculator", {"expression": "5*6"})]),
        ("What's the weather in Paris?", [("get_weather", {"location": "Paris"})]),
        ("Weather in Paris and Tokyo, in celsius?", [
            ("get_weather", {"location": "Paris", "unit": "celsius"}),
            ("get_weather", {"location": "Tokyo", "unit": "celsius"}),
        ]),
        ("北京今天天气怎么样？", [("get_weather", {"location": "北京"})]),
        ("帮我查一下订单SF1234567890", [("query_order", {"order_id": "SF1234567890"})]),
        ("Book a flight from Oslo to New York on 2026-12-01 for 3 passengers", [
            ("book_flight", {"origin": "Oslo", "destination": "New York", "date": "2026-12-01", "passengers": 3})
        ]),
        ("Send an email to bob@example.org with the subject 'Lunch'", [
            ("send_email", {"to": "bob@example.org", "subject": "Lunch"})
        ]),
        ("Please frobnicate the quux 'blue'", [("zorble", {"quux": "blue"})]),
    ],
)  # fmt: skip
def test_the_fitting_tool_is_called_with_what_the_prompt_says(
    ask_message: AskMessage, prompt: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    message = ask_message(prompt, tools=TOOLS)
    assert _calls(message) == calls
    assert message["stop_reason"] == "tool_use"
    ids = [block["id"] for block in message["content"]]
    assert len(set(ids)) == len(ids)
    assert all(tool_id.startswith("toolu_") for tool_id in ids)


@pytest.mark.parametrize("prompt", ["Hello", "你好", "Write a poem about autumn", "Who are you?"])
def test_no_tool_is_called_for_a_prompt_that_suits_none(
    ask_message: AskMessage, prompt: str
) -> None:
    message = ask_message(prompt, tools=TOOLS)
    assert _calls(message) == []
    assert message["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "none"}, []),
        ({"type": "any"}, ["get_weather", "get_weather"]),
        ({"type": "tool", "name": "zorble"}, ["zorble"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, ["get_weather"]),
    ],
)
def test_tool_choice_is_obeyed(
    ask_message: AskMessage, choice: dict[str, Any], names: list[str]
) -> None:
    message = ask_message("Weather in Paris and Tokyo?", tools=TOOLS, tool_choice=choice)
    assert [name for name, _ in _calls(message)] == names


def test_any_forces_a_call_even_for_a_greeting(ask_message: AskMessage) -> None:
    message = ask_message("Hello", tools=TOOLS, tool_choice={"type": "any"})
    ((name, arguments),) = _calls(message)
    schema = next(tool["input_schema"] for tool in TOOLS if tool["name"] == name)
    jsonschema_rs.validate(schema, arguments)


def _run_loop(
    ask_message: AskMessage, prompt: str, result: dict[str, Any], turns: int = 6, **fields: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Answer every call with `result` until the simulator stops calling."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    for _ in range(turns):
        answer = ask_message(messages, tools=TOOLS, **fields)
        if answer["stop_reason"] != "tool_use":
            return messages, answer
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], **result}
            for block in answer["content"]
            if block["type"] == "tool_use"
        ]
        messages += [
            {"role": "assistant", "content": answer["content"]},
            {"role": "user", "content": results},
        ]
    raise AssertionError("the loop did not end")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"content": "345"}, "345"),
        ({"content": [{"type": "text", "text": '{"value": 345, "unit": "apples"}'}]}, "apples"),
        ({"content": "the service is down", "is_error": True}, "the service is down"),
    ],
)
def test_the_answer_uses_the_result_and_the_loop_ends(
    ask_message: AskMessage, result: dict[str, Any], expected: str
) -> None:
    messages, answer = _run_loop(ask_message, "What is 15 * 23?", result)
    assert len(messages) == 3
    assert expected in answer["content"][0]["text"]


def test_a_failed_call_is_reported_as_failed(ask_message: AskMessage) -> None:
    _, answer = _run_loop(ask_message, "What is 15 * 23?", {"content": "boom", "is_error": True})
    assert "failed" in answer["content"][0]["text"]


def test_without_parallel_calls_each_place_gets_its_turn(ask_message: AskMessage) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    messages, answer = _run_loop(
        ask_message, "Weather in Paris and Tokyo?", {"content": "sunny"}, tool_choice=choice
    )
    called = [
        block["input"]["location"]
        for message in messages
        if message["role"] == "assistant"
        for block in message["content"]
    ]
    assert called == ["Paris", "Tokyo"]
    assert "Paris" in answer["content"][0]["text"]
    assert "Tokyo" in answer["content"][0]["text"]


PROPERTIES = st.dictionaries(
    st.sampled_from(["city", "order_id", "count", "mode", "when", "note", "flag", "items"]),
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "string", "enum": ["fast", "slow"]},
            {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$"},
            {"type": "string", "format": "date-time"},
            {"type": "string", "maxLength": 4},
            {"type": "integer", "minimum": 10, "maximum": 12},
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            {"type": "boolean"},
            {"type": ["string", "null"], "minLength": 30},
            {"type": "array", "items": {"type": "integer"}, "minItems": 2, "uniqueItems": True},
            {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]},
            {"type": "object", "properties": {"deep": {"const": 3}}, "required": ["deep"]},
        ]
    ),
    max_size=5,
)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(PROPERTIES, st.sampled_from(["", "Weather in Paris 7 times", "订单SF1234567890，3个"]))
def test_forced_arguments_are_valid_for_any_schema(
    ask_message: AskMessage, properties: dict[str, Any], prompt: str
) -> None:
    tool = _tool("anything", "", **properties)
    message = ask_message(
        prompt or "go", tools=[tool], tool_choice={"type": "tool", "name": "anything"}
    )
    ((_, arguments),) = _calls(message)
    jsonschema_rs.validate(tool["input_schema"], arguments, validate_formats=True)


def test_input_examples_are_used_when_the_prompt_says_nothing(ask_message: AskMessage) -> None:
    tool = NOTHING_KNOWN | {"input_examples": [{"quux": "seven"}]}
    message = ask_message("go", tools=[tool], tool_choice={"type": "any"})
    assert _calls(message) == [("zorble", {"quux": "seven"})]


@pytest.mark.parametrize(
    ("tool", "required"),
    [
        ({"type": "bash_20250124", "name": "bash"}, {"command"}),
        (
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            {"command", "path"},
        ),
        ({"type": "memory_20250818", "name": "memory"}, {"command", "path"}),
    ],
)
def test_anthropic_defined_tools_get_inputs_of_their_shape(
    ask_message: AskMessage, tool: dict[str, Any], required: set[str]
) -> None:
    message = ask_message("go on", tools=[tool], tool_choice={"type": "any"})
    ((name, arguments),) = _calls(message)
    assert name == tool["name"]
    assert set(arguments) == required


def test_a_streamed_call_carries_the_same_arguments(ask: Callable[..., Any]) -> None:
    body = ask("What is 15 * 23?", tools=TOOLS, stream=True).body.decode()
    pieces = [
        json.loads(line[6:])["delta"]["partial_json"]
        for line in body.splitlines()
        if line.startswith("data: ") and "input_json_delta" in line
    ]
    assert json.loads("".join(pieces)) == {"expression": "15*23"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"minLength": "x"}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"enum": 3}}, "required": ["a"]},
        {"type": "object", "required": 5},
        {"type": "object", "properties": 5},
    ],
)
def test_a_schema_that_is_none_is_refused(ask: Callable[..., Any], schema: dict[str, Any]) -> None:
    tool = {"name": "broken", "input_schema": schema}
    response = ask("go", tools=[tool], tool_choice={"type": "any"})
    error = json.loads(response.body)["error"]
    assert response.status == 400
    assert error["message"].startswith("tools.0.custom.input_schema: JSON schema is invalid.")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]},
        {"type": "object", "anyOf": [{"$ref": "#"}, {"$ref": "#"}], "const": 3},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "(a{1000}){1000}"}}, "required": ["a"]},
        {"type": "object", "minProperties": 1_000_000_000},
    ],
)  # fmt: skip
def test_a_schema_without_an_end_still_gets_an_answer(
    ask_message: AskMessage, schema: dict[str, Any]
) -> None:
    tool = {"name": "endless", "input_schema": schema}
    message = ask_message("go", tools=[tool], tool_choice={"type": "any"}, max_tokens=60_000)
    assert [name for name, _ in _calls(message)] == ["endless"]
