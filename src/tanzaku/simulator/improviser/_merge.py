"""Two JSON Schemas as one."""

from collections.abc import Mapping
from typing import Any

from tanzaku.simulator.improviser._conforms import is_same

_MERGED_AS_MAX = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_MERGED_AS_MIN = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_CONDITION = ("if", "then", "else")
_KEPT = frozenset({"if", "anyOf", "oneOf", "not", "pattern", "const", "format", "contains"})


def merge_schemas(one: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both schemas at once; what one schema cannot say twice is left in its `allOf`."""
    merged = dict(one)
    for key, value in other.items():
        if key not in merged:
            merged[key] = value
        elif key == "properties":
            shared = {
                name: {"allOf": [merged[key][name], part]} if name in merged[key] else part
                for name, part in value.items()
            }
            merged[key] = merged[key] | shared
        elif key == "required":
            merged[key] = [*merged[key], *(name for name in value if name not in merged[key])]
        elif key == "enum":
            merged[key] = [
                choice for choice in merged[key] if any(is_same(choice, v) for v in value)
            ]
        elif key == "type":
            merged[key] = _merge_types(merged[key], value)
        elif key in _MERGED_AS_MAX:
            merged[key] = max(merged[key], value)
        elif key in _MERGED_AS_MIN:
            merged[key] = min(merged[key], value)
        elif key == "items" and isinstance(merged[key], dict) and isinstance(value, dict):
            merged[key] = {"allOf": [merged[key], value]}
        elif key == "dependentRequired":
            merged[key] = {**merged[key], **value}
        elif key in _KEPT and merged[key] != value:
            kept = (
                {part: other[part] for part in _CONDITION if part in other}
                if key == "if"
                else {key: value}
            )
            merged["allOf"] = [*merged.get("allOf", ()), kept]
    return merged


def _merge_types(one: str | list[str], other: str | list[str]) -> str | list[str]:
    first = [one] if isinstance(one, str) else one
    second = [other] if isinstance(other, str) else other
    shared = [kind for kind in first if kind in second]
    if not shared and "integer" in {*first, *second} and "number" in {*first, *second}:
        shared = ["integer"]
    if not shared:
        return first
    return shared[0] if len(shared) == 1 else shared
