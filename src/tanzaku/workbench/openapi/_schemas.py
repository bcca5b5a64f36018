"""Schemas of OpenAPI 3.0 as JSON Schema 2020-12, which those of 3.1 are already."""

from collections.abc import Mapping
from typing import Any, Final

ONE: Final = frozenset(
    {
        "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
        "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
"""Keywords whose value is a schema."""
LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords whose value is a list of schemas."""
NAMED: Final = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
"""Keywords whose value has schemas under names."""


def normalise_schema(schema: Any, *, is_30: bool) -> Any:
    """`schema` and all below it as JSON Schema 2020-12; references are left as they stand.

    `nullable` is understood in 3.1 too, where it means nothing by the letter: documents that were
    3.0 once, Claude's among them, mean it.
    """
    if not isinstance(schema, Mapping):
        return schema
    if is_30 and "$ref" in schema:
        # What stands beside a reference means nothing in 3.0, but for the `nullable` people write.
        return (
            _allow_null({"$ref": schema["$ref"]})
            if schema.get("nullable") is True
            else {"$ref": schema["$ref"]}
        )
    made = {name: _normalise_below(name, value, is_30) for name, value in schema.items()}
    if is_30:
        _move_bounds(made)
        if "example" in made and "examples" not in made:
            made["examples"] = [made.pop("example")]
    nullable = made.pop("nullable", None)
    return _allow_null(made) if nullable is True else made


def _normalise_below(name: str, value: Any, is_30: bool) -> Any:
    if name in ONE:
        return normalise_schema(value, is_30=is_30)
    if name in LISTS and isinstance(value, list):
        return [normalise_schema(one, is_30=is_30) for one in value]
    if name in NAMED and isinstance(value, Mapping):
        return {key: normalise_schema(one, is_30=is_30) for key, one in value.items()}
    return value


def _move_bounds(schema: dict[str, Any]) -> None:
    """`exclusiveMinimum: true` beside `minimum: 1` is `exclusiveMinimum: 1`."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        flag = schema.get(exclusive)
        if isinstance(flag, bool):
            del schema[exclusive]
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)


_NOTES: Final = frozenset(
    {
        "title",
        "description",
        "deprecated",
        "readOnly",
        "writeOnly",
        "examples",
        "example",
        "default",
    }
)


def _allow_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("type")
    if isinstance(kinds, str) or (isinstance(kinds, list) and kinds):
        listed = [kinds] if isinstance(kinds, str) else list(kinds)
        made = {**schema, "type": [*listed, *(["null"] if "null" not in listed else [])]}
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            made["enum"] = [*schema["enum"], None]
        return made
    rules = {name: value for name, value in schema.items() if name not in _NOTES}
    if not rules:
        return schema
    notes = {name: value for name, value in schema.items() if name in _NOTES}
    alternatives = rules.get("anyOf")
    if isinstance(alternatives, list) and len(rules) == 1:
        return schema if {"type": "null"} in alternatives else {
            **notes, "anyOf": [*alternatives, {"type": "null"}]
        }  # fmt: skip
    return {**notes, "anyOf": [rules, {"type": "null"}]}
