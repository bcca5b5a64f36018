"""Tools the improviser has never seen, generated from a seed and judged by jsonschema-rs."""

import json
import random
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

type AskMessage = Callable[..., dict[str, Any]]
type Json = dict[str, Any]

TOOL_COUNT = 48
MAX_TURNS = 12
SYLLABLES = ("zor", "ble", "qui", "fen", "mar", "tok", "lu", "pra", "gim", "sho", "vek", "dra")
HAN = (
    "查询",
    "登记",
    "核对",
    "预约",
    "计算",
    "转换",
    "航班",
    "库存",
    "发票",
    "会员",
    "温度",
    "合同",
)
NAMES = (
    "city", "order_id", "note", "count", "mode", "when", "user_email", "tags", "priority", "path",
    "price", "is_urgent", "details", "range", "lines", "owner", "callbackUrl", "x", "q", "数量", "名称",
)  # fmt: skip
PROMPTS = (
    "go",
    "Please handle order AB-1234 for Ann (ann@example.org) in Oslo: 3 pieces by 2026-12-24, urgent.",
    "请处理北京的订单SF1234567890，数量3个，明天之前完成，联系邮箱li@example.cn。",
)
FORMATS = (
    "date", "date-time", "time", "duration", "email", "idn-email", "hostname", "ipv4", "ipv6", "uri",
    "uri-reference", "iri", "uuid", "json-pointer", "regex",
)  # fmt: skip
PATTERNS = (
    "^[A-Z]{2,3}-[0-9]{4}$", r"^\d{3}-\d{2}-\d{4}$", "^(small|medium|large)$", "^[a-f0-9]{40}$",
    r"^\+[1-9]\d{6,14}$", r"^v\d+(\.\d+){2}(-rc\d+)?$", r"^[\w.-]+@[\w-]+\.[a-z]{2,}$", "^[一-龥]{2,4}$",
    r"^(?:[01]\d|2[0-3]):[0-5]\d$", "^[^\\s/]+/[^\\s/]+$", "^(?!-)[a-z0-9-]{3,20}$", r"^(?=.*[A-Z])(?=.*\d).{8,}$",
)  # fmt: skip


def _string(rng: random.Random, _: int) -> Json:
    low = rng.choice([0, 1, 12, 60])
    return {
        "type": "string",
        "minLength": low,
        "maxLength": low + rng.choice([0, 3, 200]) or 1,
        "description": rng.choice(["", "城市名称", "the order number", "free text", "关键词"]),
    }


def _format(rng: random.Random, _: int) -> Json:
    return {"type": "string", "format": rng.choice(FORMATS)}


def _pattern(rng: random.Random, _: int) -> Json:
    return {"type": "string", "pattern": rng.choice(PATTERNS)}


def _number(rng: random.Random, _: int) -> Json:
    kind = rng.choice(["integer", "number"])
    low = rng.choice([-5000, -7, 0, 3, 100_000])
    schema: Json = {"type": kind}
    schema[rng.choice(["minimum", "exclusiveMinimum"])] = low
    if rng.random() < 0.7:
        schema[rng.choice(["maximum", "exclusiveMaximum"])] = low + rng.choice([2, 25, 3000])
    if rng.random() < 0.3:
        schema = {"type": kind, "minimum": low, "maximum": low + 100, "multipleOf": 5}
    return schema


def _enum(rng: random.Random, _: int) -> Json:
    choices = rng.choice(
        [["low", "normal", "urgent"], ["北京", "上海"], [1, 2, 3], [None, "a"], [True], ["", "x"]]
    )
    schema: Json = {"enum": choices}
    if all(isinstance(choice, str) for choice in choices):
        schema["type"] = "string"
    return schema


def _constant(rng: random.Random, _: int) -> Json:
    return {"const": rng.choice([0, 7.5, "fixed", None, False, ["a", 1], {"k": [1]}])}


def _plain(rng: random.Random, _: int) -> Json:
    return {"type": rng.choice(["boolean", "null", "string", "integer", "number", "array"])}


def _nullable(rng: random.Random, depth: int) -> Json:
    if rng.random() < 0.5:
        return {"type": ["string", "null"], "maxLength": 9}
    return {"anyOf": [_any(rng, depth + 1), {"type": "null"}]}


def _array(rng: random.Random, depth: int) -> Json:
    low = rng.choice([0, 1, 3])
    schema: Json = {"type": "array", "items": _any(rng, depth + 1), "minItems": low}
    if rng.random() < 0.5:
        schema["maxItems"] = low + rng.choice([0, 2])
    if rng.random() < 0.3:
        unique = rng.choice(
            [
                {"type": "string", "minLength": 2},
                {"enum": ["a", "b", "c", "d"]},
                {"type": "integer", "minimum": 1, "maximum": 9},
                {"type": "string", "format": "email"},
                {
                    "type": "object",
                    "properties": {"at": {"type": "integer"}},
                    "required": ["at"],
                },
            ]
        )
        schema |= {"items": unique, "uniqueItems": True}
    if rng.random() < 0.15:
        return {
            "type": "array",
            "prefixItems": [{"type": "number"}, {"type": "string"}],
            "items": False,
            "minItems": 2,
        }
    if rng.random() < 0.15:
        return {"type": "array", "contains": {"const": "must"}, "minItems": 2}
    return schema


def _tagged(rng: random.Random, depth: int) -> Json:
    branches = []
    for tag in ("card", "bank", "cash")[: rng.choice([2, 3])]:
        branch = _object(rng, depth + 1, spare=False)
        branch["properties"] = {"kind": {"const": tag}} | branch["properties"]
        branch["required"] = ["kind", *branch["required"]]
        branches.append(branch)
    return {"oneOf": branches}


def _both(rng: random.Random, depth: int) -> Json:
    one, other = _object(rng, depth + 1, spare=True), _object(rng, depth + 1, spare=True)
    names = set(one["properties"]) | set(one["required"])
    kept = {name: part for name, part in other["properties"].items() if name not in names}
    other |= {"properties": kept, "required": [n for n in other["required"] if n in kept]}
    other.pop("minProperties", None)
    return {"allOf": [one, other]}


def _reference(rng: random.Random, _: int) -> Json:
    return {"$ref": f"#/$defs/{rng.choice(['money', 'node', 'a~1b'])}"}


def _conditional(_rng: random.Random, _depth: int) -> Json:
    return {
        "type": "object",
        "properties": {"country": {"enum": ["US", "NL"]}, "zip": {"type": "string"}},
        "required": ["country"],
        "if": {"properties": {"country": {"const": "US"}}},
        "then": {"properties": {"zip": {"pattern": "^[0-9]{5}$"}}, "required": ["zip"]},
        "else": {"properties": {"zip": {"pattern": "^[0-9]{4} [A-Z]{2}$"}}},
    }


def _restricted(rng: random.Random, _: int) -> Json:
    return rng.choice(
        [
            {
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 4},
                "minProperties": 2,
                "propertyNames": {"pattern": "^[a-z]{3,8}$"},
            },
            {
                "type": "object",
                "patternProperties": {"^f": {"type": "integer"}},
                "additionalProperties": {"type": "string"},
                "minProperties": 1,
            },
            {
                "type": "object",
                "properties": {"card": {"type": "string"}, "cvc": {"type": "integer"}},
                "required": ["card"],
                "dependentRequired": {"card": ["cvc"]},
            },
            {"type": "string", "not": {"enum": ["", "value", "x"]}, "minLength": 1},
            {"type": "integer", "not": {"multipleOf": 2}},
            {"type": "object", "maxProperties": 1, "properties": {"a": {}, "b": {}, "c": {}}},
        ]
    )


def _object(rng: random.Random, depth: int, *, spare: bool | None = None) -> Json:
    names = rng.sample(NAMES, rng.choice([0, 1, 2, 3, 5]))
    properties = {name: _any(rng, depth + 1) for name in names}
    schema: Json = {
        "type": "object",
        "properties": properties,
        "required": [name for name in names if rng.random() < 0.7],
    }
    if spare is None and rng.random() < 0.5:
        rest: Any = False if rng.random() < 0.6 else _any(rng, depth + 1)
        schema["additionalProperties"] = rest
    return schema


SIMPLE = (_string, _format, _pattern, _number, _enum, _constant, _plain, _reference)
NESTED = (_nullable, _array, _tagged, _both, _object, _conditional, _restricted)


def _any(rng: random.Random, depth: int) -> Json:
    makers = SIMPLE if depth > 3 else SIMPLE + NESTED
    return rng.choice(makers)(rng, depth)


def _make_tool(number: int) -> Json:
    rng = random.Random(f"tool {number}")
    schema = rng.choice([_object, _object, _object, _both, _tagged])(rng, 0)
    schema |= {
        "type": "object",
        "$defs": {
            "money": {
                "type": "object",
                "properties": {
                    "amount": {"type": "number", "exclusiveMinimum": 0},
                    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
                },
                "required": ["amount", "currency"],
                "additionalProperties": False,
            },
            "node": {
                "type": "object",
                "properties": {
                    "label": {"type": "string", "minLength": 1},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["label", "children"],
            },
            "a/b": {"type": "string", "enum": ["slash"]},
        },
    }
    words = [rng.choice(SYLLABLES) + rng.choice(SYLLABLES) for _ in range(2)]
    description = " ".join(words) if number % 2 else "".join(rng.sample(HAN, 3))
    return {
        "name": f"{'_'.join(words)}_{number}",
        "description": description,
        "input_schema": schema,
    }


TOOLS = [_make_tool(number) for number in range(TOOL_COUNT)] + [
    {"name": "nothing_said", "input_schema": {"type": "object"}},
    {"name": "no_properties", "input_schema": {"type": "object", "properties": {}}},
    {
        "name": "closed",
        "input_schema": {"type": "object", "properties": {}, "additionalProperties": False},
    },
    {
        "name": "chaxun",
        "description": "查询快递",
        "input_schema": {
            "type": "object",
            "properties": {"单号": {"type": "string"}},
            "required": ["单号"],
        },
    },
]
GROUPS = [TOOLS[at : at + 6] for at in range(0, len(TOOLS), 6)]


def _calls(message: Json) -> list[Json]:
    return [block for block in message["content"] if block["type"] == "tool_use"]


def _check(calls: list[Json], tools: list[Json]) -> None:
    """Each call names one of `tools` and fits its schema."""
    schemas = {tool["name"]: tool["input_schema"] for tool in tools}
    for call in calls:
        validator = jsonschema_rs.Draft202012Validator(schemas[call["name"]], validate_formats=True)
        errors = [f"{e.instance_path}: {e.message}" for e in validator.iter_errors(call["input"])]
        assert errors == [], (schemas[call["name"]], call["input"])


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool["name"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=["bare", "english", "chinese"])
def test_a_forced_tool_is_called_with_valid_arguments(
    ask_message: AskMessage, tool: Json, prompt: str
) -> None:
    choice = {"type": "tool", "name": tool["name"]}
    message = ask_message(prompt, tools=[tool], tool_choice=choice, max_tokens=60_000)
    assert _calls(message)
    assert message["stop_reason"] == "tool_use"
    _check(_calls(message), [tool])


@pytest.mark.parametrize("group", range(len(GROUPS)))
@pytest.mark.parametrize("prompt", PROMPTS, ids=["bare", "english", "chinese"])
def test_choices_are_obeyed_for_any_tools(ask_message: AskMessage, group: int, prompt: str) -> None:
    tools = GROUPS[group]
    common = {"tools": tools, "max_tokens": 60_000}
    forced = ask_message(prompt, **common, tool_choice={"type": "any"})
    assert _calls(forced)
    _check(_calls(forced), tools)
    assert not _calls(ask_message(prompt, **common, tool_choice={"type": "none"}))
    _check(_calls(ask_message(prompt, **common)), tools)
    for choice, least in (
        ({"type": "any"}, 1),
        ({"type": "tool", "name": tools[-1]["name"]}, 1),
        ({"type": "auto"}, 0),
    ):
        one = ask_message(
            prompt, **common, tool_choice={**choice, "disable_parallel_tool_use": True}
        )
        assert least <= len(_calls(one)) <= 1


@pytest.mark.parametrize("group", range(len(GROUPS)))
@pytest.mark.parametrize("parallel", [True, False])
def test_each_loop_of_calls_and_results_ends(
    ask_message: AskMessage, group: int, parallel: bool
) -> None:
    """The prompt asks for every tool by name; the loop goes on until no tool is called."""
    tools = GROUPS[group]
    prompt = " and ".join(f"use {tool['name']}" for tool in tools)
    prompt += " for Oslo, Paris, AB-1234 and CD-5678"
    messages: list[Json] = [{"role": "user", "content": prompt}]
    called: list[Json] = []
    for turn in range(MAX_TURNS * (1 if parallel else 4)):
        message = ask_message(
            messages,
            tools=tools,
            max_tokens=60_000,
            tool_choice={"type": "auto", "disable_parallel_tool_use": not parallel},
        )
        calls = _calls(message)
        if not calls:
            break
        _check(calls, tools)
        called += calls
        results = [
            {"type": "tool_result", "tool_use_id": call["id"], "content": f"result {turn}"}
            for call in calls
        ]
        messages += [
            {"role": "assistant", "content": message["content"]},
            {"role": "user", "content": results},
        ]
    else:
        pytest.fail("the loop did not end")
    assert {call["name"] for call in called} == {tool["name"] for tool in tools}
    keys = [json.dumps([call["name"], call["input"]], sort_keys=True) for call in called]
    assert len(set(keys)) == len(keys)


FRAGMENTS: tuple[tuple[str, Json, str, Any], ...] = (
    ("contact_email", {"type": "string", "format": "email"}, "mail to kim@example.net", "kim@example.net"),
    ("page", {"type": "string", "format": "uri"}, "see https://example.org/a?b=1", "https://example.org/a?b=1"),
    ("start", {"type": "string", "format": "date"}, "from 2027-02-03", "2027-02-03"),
    ("moment", {"type": "string", "format": "date-time"}, "at 2027-02-03T04:05:06Z", "2027-02-03T04:05:06Z"),
    ("host_ip", {"type": "string", "format": "ipv4"}, "on 198.51.100.7", "198.51.100.7"),
    ("ticket", {"type": "string", "format": "uuid"}, "id 0b8f7c6e-1a2b-4c3d-8e9f-0a1b2c3d4e5f", "0b8f7c6e-1a2b-4c3d-8e9f-0a1b2c3d4e5f"),
    ("nights", {"type": "integer", "minimum": 1}, "7 nights", 7),
    ("budget", {"type": "number"}, "budget 1250.50", 1250.5),
    ("level", {"type": "string", "enum": ["bronze", "silver", "gold"]}, "as silver member", "silver"),
    ("sku", {"type": "string", "pattern": "^[A-Z]{2}[0-9]{3}$"}, "item QX731", "QX731"),
    ("blorp", {"type": "string"}, "with 'green apples'", "green apples"),
    ("file", {"type": "string"}, "in report.csv", "report.csv"),
)  # fmt: skip


@pytest.mark.parametrize("number", range(40))
def test_arguments_are_drawn_from_the_prompt(ask_message: AskMessage, number: int) -> None:
    rng = random.Random(f"drawn {number}")
    chosen = rng.sample(FRAGMENTS, 3)
    properties = {name: schema for name, schema, _, _ in chosen}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    if number % 3 == 1:
        schema = {"type": "object", "properties": {"inner": schema}, "required": ["inner"]}
    elif number % 3 == 2:
        schema = {
            "type": "object",
            "properties": {"one": {"$ref": "#/$defs/one"}},
            "required": ["one"],
            "$defs": {"one": schema},
        }
    rng.shuffle(chosen)
    prompt = "Zorble " + ", ".join(text for _, _, text, _ in chosen) + "."
    tool = {"name": "zorble", "description": "Zorble it", "input_schema": schema}
    (call,) = _calls(ask_message(prompt, tools=[tool]))
    given = call["input"].get("inner") or call["input"].get("one") or call["input"]
    assert given == {name: value for name, _, _, value in chosen}


@pytest.mark.parametrize(
    ("properties", "prompt", "arguments"),
    [
        (
            {"目的地": {"type": "string", "description": "城市"}, "人数": {"type": "integer"}},
            "我要去成都，2人",
            {"目的地": "成都", "人数": 2},
        ),
        (
            {"tracking": {"type": "string", "description": "快递单号"}},
            "查一下YT9988776655到哪了",
            {"tracking": "YT9988776655"},
        ),
        (
            {"name": {"type": "string", "description": "客户姓名"}, "day": {"type": "string", "format": "date"}},
            "客户王小明，2027年3月4日到店",
            {"name": "王小明", "day": "2027-03-04"},
        ),
        (
            {"color": {"enum": ["红色", "蓝色"]}, "qty": {"type": "integer", "description": "数量"}},
            "我要3件蓝色的",
            {"color": "蓝色", "qty": 3},
        ),
    ],
    ids=["trip", "parcel", "visit", "shirt"],
)  # fmt: skip
def test_chinese_properties_are_filled_from_the_prompt(
    ask_message: AskMessage, properties: Json, prompt: str, arguments: Json
) -> None:
    tool = {
        "name": "banli",
        "description": "办理业务",
        "input_schema": {
            "type": "object",
            "properties": properties,
            "required": list(properties),
        },
    }
    (call,) = _calls(ask_message(prompt, tools=[tool], tool_choice={"type": "any"}))
    assert call["input"] == arguments
