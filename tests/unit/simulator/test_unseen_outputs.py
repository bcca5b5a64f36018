"""Structured output for schemas the improviser has never seen, within the API's strict subset."""

import json
import random
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

type AskMessage = Callable[..., dict[str, Any]]
type Json = dict[str, Any]

SCHEMA_COUNT = 36
NAMES = (
    "city", "order_id", "summary", "score", "tags", "is_valid", "steps", "email", "due", "category",
    "confidence", "answer", "负责人", "数量", "items", "reason", "url", "zq7",
)  # fmt: skip
FORMATS = (
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
)  # fmt: skip
PROMPTS = (
    "Extract what matters: Ann (ann@example.org) ordered 3 lamps, order AB-1234, due 2026-12-24 in Oslo.",
    "从下面的内容提取信息：王小明在北京订了3件商品，订单号SF1234567890，评价很好。",
    "?",
)


def _leaf(rng: random.Random) -> Json:
    return rng.choice(
        [
            {"type": "string"},
            {"type": "string", "description": "一句话说明"},
            {"type": "string", "format": rng.choice(FORMATS)},
            {"type": "string", "enum": ["low", "medium", "high"]},
            {"type": "string", "pattern": rng.choice(["^[A-Z]{3}$", r"^\d{4}-[a-f]+$"])},
            {"enum": [1, 2, None]},
            {"const": "v1"},
            {"type": "integer"},
            {"type": "number"},
            {"type": "boolean"},
            {"type": "null"},
            {"type": ["string", "null"]},
            {"type": "integer", "default": 7},
            {"$ref": f"#/$defs/{rng.choice(['person', 'colour'])}"},
        ]
    )


def _part(rng: random.Random, depth: int) -> Json:
    if depth > 3 or rng.random() < 0.5:
        return _leaf(rng)
    match rng.randrange(4):
        case 0:
            return {"anyOf": [_part(rng, depth + 1), {"type": "null"}]}
        case 1:
            items = _part(rng, depth + 1)
            return {"type": "array", "items": items, "minItems": rng.randrange(2)}
        case 2:
            tagged = [_object(rng, depth + 1) for _ in range(2)]
            for tag, branch in zip(("a", "b"), tagged, strict=True):
                branch["properties"]["kind"] = {"const": tag}
                branch["required"].append("kind")
            return {"anyOf": tagged}
        case _:
            return _object(rng, depth + 1)


def _object(rng: random.Random, depth: int) -> Json:
    names = rng.sample(NAMES, rng.randrange(1, 6))
    return {
        "type": "object",
        "properties": {name: _part(rng, depth) for name in names},
        "required": [name for name in names if rng.random() < 0.8],
        "additionalProperties": False,
    }


def _make_schema(number: int) -> Json:
    rng = random.Random(f"output {number}")
    root = _object(rng, 0)
    if number % 6 == 5:
        root = {"type": "array", "items": root}
    return root | {
        "$defs": {
            "person": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                "required": ["name", "age"],
                "additionalProperties": False,
            },
            "colour": {"type": "string", "enum": ["red", "绿色"]},
        }
    }


SCHEMAS = [_make_schema(number) for number in range(SCHEMA_COUNT)]


def _ask(ask_message: AskMessage, prompt: str, schema: Json, max_tokens: int) -> tuple[Json, str]:
    message = ask_message(
        prompt,
        max_tokens=max_tokens,
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    return message, "".join(block["text"] for block in message["content"])


@pytest.mark.parametrize("number", range(SCHEMA_COUNT))
@pytest.mark.parametrize("prompt", PROMPTS, ids=["english", "chinese", "bare"])
def test_the_whole_answer_is_json_of_the_schema(
    ask_message: AskMessage, number: int, prompt: str
) -> None:
    message, text = _ask(ask_message, prompt, SCHEMAS[number], 16_000)
    validator = jsonschema_rs.Draft202012Validator(SCHEMAS[number], validate_formats=True)
    assert [error.message for error in validator.iter_errors(json.loads(text))] == []
    assert message["stop_reason"] == "end_turn"


@pytest.mark.parametrize("number", range(SCHEMA_COUNT))
def test_a_cut_answer_is_a_beginning_of_it_and_says_so(
    ask_message: AskMessage, number: int
) -> None:
    message, whole = _ask(ask_message, PROMPTS[0], SCHEMAS[number], 16_000)
    tokens = message["usage"]["output_tokens"]
    for limit in {1, tokens // 2, tokens - 1} - {0}:
        cut, text = _ask(ask_message, PROMPTS[0], SCHEMAS[number], limit)
        assert cut["stop_reason"] == "max_tokens"
        assert cut["usage"]["output_tokens"] == limit
        assert whole.startswith(text)
        assert len(text) < len(whole)
    exact, text = _ask(ask_message, PROMPTS[0], SCHEMAS[number], tokens)
    assert (exact["stop_reason"], text) == ("end_turn", whole)


@pytest.mark.parametrize("number", range(0, SCHEMA_COUNT, 6))
def test_a_tool_of_the_same_schema_is_still_called_when_forced(
    ask_message: AskMessage, number: int
) -> None:
    tool = {"name": "store", "input_schema": SCHEMAS[number], "strict": True}
    message = ask_message(PROMPTS[0], tools=[tool], tool_choice={"type": "any"}, max_tokens=16_000)
    inputs = [block["input"] for block in message["content"] if block["type"] == "tool_use"]
    assert inputs
    for given in inputs:
        jsonschema_rs.validate(SCHEMAS[number], given, validate_formats=True)
