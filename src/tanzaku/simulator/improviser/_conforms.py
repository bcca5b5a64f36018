"""Whether a value fits a JSON Schema (2020-12), for the keywords tools and formats are written in.

The simulator uses it on its own drafts to choose among candidates; it is not a validator for
users. Unknown keywords are passed over.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tanzaku.simulator.improviser._formats import fits_format
from tanzaku.simulator.improviser._pattern import parse_pattern

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "object": (dict,),
    "array": (list,),
    "boolean": (bool,),
    "null": (type(None),),
}
_MAX_DEPTH = 64


def resolve(schema: Any, root: Mapping[str, Any]) -> Any:
    """Follow local `$ref`s (`#/$defs/X`); what points nowhere or in circles becomes `{}`."""
    for _ in range(_MAX_DEPTH):
        if not isinstance(schema, dict) or "$ref" not in schema:
            return schema
        reference = schema["$ref"]
        target: Any = root
        if not isinstance(reference, str) or not reference.startswith("#"):
            return {}
        for part in filter(None, reference[1:].split("/")):
            part = part.replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict) and part in target:
                target = target[part]
            elif isinstance(target, list) and part.isdecimal() and int(part) < len(target):
                target = target[int(part)]
            else:
                return {}
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        schema = target if not siblings else {"allOf": [target, siblings]}
    return {}


def is_same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: 1 is 1.0 but not true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    return bool(one == other)


def is_type(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(name, ()))


def conforms(value: Any, schema: Any, root: Mapping[str, Any], depth: int = 0) -> bool:
    """Whether `value` fits `schema`, whose `$ref`s point into `root`."""
    schema = resolve(schema, root)
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict) or not schema or depth > _MAX_DEPTH:
        return True
    types = schema.get("type")
    if types is not None:
        names = [types] if isinstance(types, str) else types
        if not any(is_type(value, name) for name in names):
            return False
    if "const" in schema and not is_same(value, schema["const"]):
        return False
    if "enum" in schema and not any(is_same(value, choice) for choice in schema["enum"]):
        return False
    return _fits_kind(value, schema, root, depth) and _fits_branches(value, schema, root, depth)


def _fits_kind(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> bool:
    match value:
        case bool():
            return True
        case str():
            return _fits_string(value, schema)
        case int() | float():
            return fits_number(value, schema)
        case list():
            return _fits_array(value, schema, root, depth)
        case dict():
            return _fits_object(value, schema, root, depth)
        case _:
            return True


def _fits_branches(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> bool:
    depth += 1
    if "allOf" in schema and not all(
        conforms(value, part, root, depth) for part in schema["allOf"]
    ):
        return False
    if "anyOf" in schema and not any(
        conforms(value, part, root, depth) for part in schema["anyOf"]
    ):
        return False
    if "oneOf" in schema and (
        sum(conforms(value, part, root, depth) for part in schema["oneOf"]) != 1
    ):
        return False
    if "not" in schema and conforms(value, schema["not"], root, depth):
        return False
    if "if" not in schema:
        return True
    branch = "then" if conforms(value, schema["if"], root, depth) else "else"
    return conforms(value, schema.get(branch, True), root, depth)


def _fits_string(value: str, schema: Mapping[str, Any]) -> bool:
    if len(value) < schema.get("minLength", 0):
        return False
    if len(value) > schema.get("maxLength", len(value)):
        return False
    if "pattern" in schema and not matches(value, schema["pattern"]):
        return False
    declared = schema.get("format")
    return not isinstance(declared, str) or fits_format(value, declared)


def matches(value: str, source: str) -> bool:
    """Whether `source` is found in `value`; False for a pattern that could hang the search."""
    pattern = parse_pattern(source)
    if pattern is None or not pattern.is_safe:
        return False
    try:
        # ECMA 262, which schemas are written in: \\d and \\w are ASCII.
        return re.search(source, value, re.ASCII) is not None
    except re.error:
        return False


def fits_number(value: float, schema: Mapping[str, Any]) -> bool:
    if value < schema.get("minimum", value) or value > schema.get("maximum", value):
        return False
    low, high = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and value <= low:
        return False
    if high is not None and value >= high:
        return False
    step = schema.get("multipleOf")
    return not step or abs(value / step - round(value / step)) < 1e-9


def _fits_array(
    value: Sequence[Any], schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> bool:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return False
    if schema.get("uniqueItems") and any(
        is_same(one, other) for at, one in enumerate(value) for other in value[:at]
    ):
        return False
    prefix = schema.get("prefixItems", [])
    if not all(conforms(item, part, root, depth + 1) for item, part in zip(value, prefix)):  # noqa: B905 - either may be longer
        return False
    if "contains" in schema and not any(
        conforms(item, schema["contains"], root, depth + 1) for item in value
    ):
        return False
    items = schema.get("items", True)
    return all(conforms(item, items, root, depth + 1) for item in value[len(prefix) :])


def _fits_object(
    value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> bool:
    if any(name not in value for name in schema.get("required", ())):
        return False
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
        return False
    for name, due in schema.get("dependentRequired", {}).items():
        if name in value and any(other not in value for other in due):
            return False
    names = schema.get("propertyNames", True)
    if not all(conforms(name, names, root, depth + 1) for name in value):
        return False
    properties = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    rest = schema.get("additionalProperties", True)
    for name, item in value.items():
        parts = [part for source, part in patterns.items() if matches(name, source)]
        if name in properties:
            parts.append(properties[name])
        for part in parts or [rest]:
            if not conforms(item, part, root, depth + 1):
                return False
    return True
