"""What a schema does not allow, judged by an independent validator (jsonschema-rs)."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.mocked import build_mocks, write_tool
from tanzaku.simulator.mocks._arguments import InputSchema

ITEM = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
    "required": ["sku"],
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "pattern": "^PAY-[0-9]{4}$"},
        "email": {"type": "string", "format": "email", "maxLength": 20},
        "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 100, "multipleOf": 0.5},
        "kind": {"enum": ["card", "cash", None, 3]},
        "note": {"type": ["string", "null"], "minLength": 2},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "minItems": 1, "maxItems": 2},
        "pair": {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
        "unique": {"type": "array", "uniqueItems": True},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 3}]},
        "fixed": {"const": {"a": 1}},
    },
    "required": ["order_id"],
    "additionalProperties": False,
    "$defs": {"item": ITEM},
}


@pytest.mark.parametrize(
    ("arguments", "violation"),
    [
        ({}, "order_id: is required"),
        ([], "arguments: must be object, not array"),
        ({"order_id": 7}, "order_id: must be string, not integer"),
        ({"order_id": "x"}, "order_id: must match ^PAY-[0-9]{4}$"),
        ({"other": 1}, "other: is not an argument of this tool"),
        ({"email": "nobody"}, "email: must be a valid email"),
        ({"email": "a@b.example" + "m" * 20}, "email: must have at most 20 characters"),
        ({"amount": 0}, "amount: must be more than 0"),
        ({"amount": 100.5}, "amount: must be at most 100"),
        ({"amount": 0.7}, "amount: must be a multiple of 0.5"),
        ({"amount": True}, "amount: must be number, not boolean"),
        ({"kind": "CASH"}, 'kind: must be one of "card", "cash", null, 3'),
        ({"note": 1}, "note: must be string or null, not integer"),
        ({"note": "a"}, "note: must have at least 2 characters"),
        ({"items": []}, "items: must hold at least 1 items"),
        ({"items": [{"sku": "a"}] * 3}, "items: must hold at most 2 items"),
        ({"items": [{"sku": "a"}, {}]}, "items[1].sku: is required"),
        ({"items": [{"sku": "a", "count": 0}]}, "items[0].count: must be at least 1"),
        ({"items": [{"sku": "a", "size": 1}]}, "items[0].size: is not an argument of this tool"),
        ({"pair": ["a", "b"]}, "pair[0]: must be integer, not string"),
        ({"pair": [1, "b", 2]}, "pair[2]: is not allowed"),
        ({"unique": [1, 1.0]}, "unique: does not fit the schema"),
        ({"either": "ab"}, "either: does not fit the schema"),
        ({"fixed": {"a": 2}}, 'fixed: must be {"a": 1}'),
    ],
)
def test_a_violation_says_where_and_what(arguments: Any, violation: str) -> None:
    if isinstance(arguments, dict) and arguments and "order_id" not in arguments:
        arguments = {"order_id": "PAY-1234", **arguments}
    assert not jsonschema_rs.is_valid(SCHEMA, arguments, validate_formats=True)
    assert InputSchema(SCHEMA).find_violation(arguments) == violation


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 4)
    | st.sampled_from(["", "ab", "card", "PAY-1234", "abc", "a@b.example", 0.5, 2.5]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sku", "count", "a", "z"]), inner, max_size=3)
    ),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(
    st.sampled_from([*SCHEMA["properties"], "other"]), VALUES, max_size=4
).map(lambda chosen: {"order_id": "PAY-1234", **chosen})


@given(ARGUMENTS)
def test_a_violation_is_found_where_the_validator_finds_one(arguments: dict[str, Any]) -> None:
    is_valid = jsonschema_rs.is_valid(SCHEMA, arguments, validate_formats=True)
    assert (InputSchema(SCHEMA).find_violation(arguments) is None) == is_valid


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}},
        {"type": "object", "$ref": "#"},
        {"type": "object", "properties": {"a": {"$ref": "elsewhere.json"}}},
    ],
)
def test_a_schema_that_runs_in_circles_allows_what_it_says_nothing_of(
    schema: dict[str, Any],
) -> None:
    mocks = build_mocks(write_tool("{success: {result: a}}", schema=json.dumps(schema)))
    assert mocks.begin("t", {"a": [1]}).call.set == "success"
