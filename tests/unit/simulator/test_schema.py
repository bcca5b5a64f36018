"""Values built from a JSON Schema, judged by an independent validator (jsonschema-rs)."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._facts import Facts
from tanzaku.simulator.improviser._schema import build_value

PROMPTS = (
    "",
    "What's the weather in Paris and Tokyo on 2026-12-01?",
    "查询订单SF1234567890的物流，15乘以23等于多少",
    "Send 3 copies of 'Annual report' to bob@example.org by 14:30, see https://example.com/a",
)
NAMES = st.sampled_from(
    ["city", "order_id", "email", "query", "count", "date", "unit", "名称", "x", "items", "score"]
)


def _strings() -> st.SearchStrategy[dict[str, Any]]:
    lengths = st.tuples(st.integers(0, 20), st.integers(0, 30)).map(
        lambda pair: {"type": "string", "minLength": pair[0], "maxLength": pair[0] + pair[1]}
    )
    patterns = st.sampled_from(
        [
            r"^[A-Z]{2}\d{4}$",
            r"^\d{5}(-\d{4})?$",
            r"^(red|green|blue)$",
            r"^[a-z][a-z0-9_-]{2,15}$",
            r"^\+?[0-9]{7,12}$",
            r"^v\d+\.\d+\.\d+$",
            r"[^@\s]+@[^@\s]+\.com",
            r"^#[0-9a-fA-F]{6}$",
        ]
    ).map(lambda pattern: {"type": "string", "pattern": pattern})
    formats = st.sampled_from(
        [
            "date",
            "date-time",
            "time",
            "email",
            "uri",
            "uuid",
            "ipv4",
            "ipv6",
            "hostname",
            "duration",
        ]
    ).map(lambda name: {"type": "string", "format": name})
    return st.one_of(st.just({"type": "string"}), lengths, patterns, formats)


@st.composite
def _numbers(draw: st.DrawFn) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    low = draw(st.integers(-1000, 1000))
    if draw(st.booleans()):
        schema[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        # Wide enough that a multiple of the step and an open end always fit.
        schema[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(
            st.integers(30, 500)
        )
    if draw(st.booleans()):
        schema["multipleOf"] = draw(st.sampled_from([1, 2, 5, 7, 10]))
    return schema


def _scalars() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        _strings(),
        _numbers(),
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        st.just({"type": ["string", "null"]}),
        st.just({"type": ["null", "integer"], "minimum": 3}),
        st.lists(st.sampled_from(["a", "b", 1, 2.5, None, True]), min_size=1).map(
            lambda choices: {"enum": choices}
        ),
        st.sampled_from([0, "x", None, [1], {"a": 1}]).map(lambda value: {"const": value}),
        st.just({"type": "integer", "default": 7}),
        st.just({"$ref": "#/$defs/shared"}),
    )


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, inner, max_size=4))
    required = (
        draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    )
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    extra = draw(st.sampled_from([None, False, "schema", "least"]))
    if extra is False:
        schema["additionalProperties"] = False
    elif extra == "schema":
        schema["additionalProperties"] = draw(inner)
    elif extra == "least":
        schema["minProperties"] = len(properties) + 1
    return schema


@st.composite
def _arrays(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    low = draw(st.integers(0, 4))
    schema: dict[str, Any] = {"type": "array", "items": draw(inner), "minItems": low}
    if draw(st.booleans()):
        schema["maxItems"] = low + draw(st.integers(0, 3))
    if draw(st.booleans()):
        # Many distinct values must exist for such a list to exist at all.
        schema |= {
            "uniqueItems": True,
            "items": draw(
                st.sampled_from(
                    [{"type": "string"}, {"type": "integer", "minimum": 5}, {"type": "number"}]
                )
            ),
        }
    return schema


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        _objects(inner),
        _arrays(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        # Not of `inner`: the same branch twice in nested choices excludes itself.
        _scalars().map(
            lambda schema: {
                "oneOf": [
                    schema,
                    {"type": "object", "required": ["only"], "properties": {"only": {"const": 1}}},
                ]
            }
        ),
        _objects(inner).map(
            lambda schema: (
                {"allOf": [schema, {"type": "object", "minProperties": 1}]}
                if "additionalProperties" not in schema
                else schema
            )
        ),
    )


SCHEMAS = st.recursive(_scalars(), _nested, max_leaves=12).map(
    lambda schema: schema | {"$defs": {"shared": {"type": "string", "minLength": 2}}}
)


@settings(deadline=None, max_examples=200)
@given(SCHEMAS, st.sampled_from(PROMPTS), st.booleans(), st.integers(0, 5))
def test_each_value_is_valid_for_its_schema(
    schema: dict[str, Any], prompt: str, fill: bool, seed: int
) -> None:
    value = build_value(schema, Facts(prompt), Chance(seed), fill=fill)
    errors = [
        str(e)
        for e in jsonschema_rs.validator_for(schema, validate_formats=True).iter_errors(value)
    ]
    assert errors == []


@pytest.mark.parametrize(
    "schema",
    [
        # What fits the first branch best fits the second as well.
        {"type": "integer", "oneOf": [{"minimum": 100}, {"minimum": 1}]},
        {"type": "string", "oneOf": [{"minLength": 9}, {"minLength": 2}]},
    ],
)
def test_a_value_fits_one_branch_alone(schema: dict[str, Any]) -> None:
    value = build_value(schema, Facts("go"), Chance(0), fill=False)
    jsonschema_rs.validate(schema, value)
