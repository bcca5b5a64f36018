"""A tool's `input_schema`: read from a file, and what in a call's arguments it does not allow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.simulator.improviser._conforms import conforms, is_type, resolve
from tanzaku.simulator.improviser._pattern import parse_pattern

_MOST: Final = 2**53
_TYPES: Final = ("string", "number", "integer", "object", "array", "boolean", "null")
_SCHEMAS: Final = (
    "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
)  # fmt: skip
_SCHEMA_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMA_MAPS: Final = ("properties", "patternProperties", "$defs", "definitions")
_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS: Final = (
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip
_OPENING: Final = ("$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties")
_PHRASES: Final = {
    "const": "must be {}",
    "exclusiveMaximum": "must be less than {}",
    "exclusiveMinimum": "must be more than {}",
    "format": "must be a valid {}",
    "maxItems": "must hold at most {} items",
    "maxLength": "must have at most {} characters",
    "maximum": "must be at most {}",
    "minItems": "must hold at least {} items",
    "minLength": "must have at least {} characters",
    "minimum": "must be at least {}",
    "multipleOf": "must be a multiple of {}",
    "pattern": "must match {}",
}
_KINDS: Final[dict[type, str]] = {
    str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null",
    list: "array", dict: "object",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InputSchema:
    """What a tool takes: a JSON Schema of `type: object`."""

    plain: Mapping[str, Any]

    @property
    def names(self) -> frozenset[str] | None:
        """The arguments there can be; None where the schema does not list them."""
        properties = self.plain.get("properties")
        if properties is None or any(key in self.plain for key in _OPENING):
            return None
        return frozenset(properties)

    def find_violation(self, arguments: Any) -> str | None:
        """The first thing the schema does not allow, in English: where and what. None: all fits.

        Keywords that the simulator does not know are passed over.
        """
        return _explain(arguments, self.plain, self.plain, "")


def read_input_schema(entry: Entry) -> InputSchema:
    """Read an `input_schema`; raises InputFileError for one that could not be checked against."""
    fields = entry.as_mapping()
    if "type" not in fields or fields["type"].plain != "object":
        raise InputFileError(
            "{place}: `{key}` must have `type: object`.", place=entry.place, key=entry.key
        )
    _check_schema(entry)
    return InputSchema(entry.plain)


def _check_schema(entry: Entry) -> None:
    if entry.kind == "boolean":
        return
    for keyword, item in entry.as_mapping().items():
        if keyword in _SCHEMAS:
            _check_schema(item)
        elif keyword in _SCHEMA_LISTS:
            for part in item.as_list():
                _check_schema(part)
        elif keyword in _SCHEMA_MAPS:
            for name, part in item.as_mapping().items():
                if keyword == "patternProperties":
                    _check_pattern(name, part)
                _check_schema(part)
        else:
            _check_keyword(keyword, item)


def _check_keyword(keyword: str, entry: Entry) -> None:
    if keyword == "type":
        for item in entry.content if isinstance(entry.content, list) else [entry]:
            item.as_choice(_TYPES)
    elif keyword in _NUMBERS:
        entry.as_number(-_MOST, _MOST)
    elif keyword in _COUNTS:
        entry.as_integer(0, _MOST)
    elif keyword == "pattern":
        _check_pattern(entry.as_text(), entry)
    elif keyword in ("format", "$ref"):
        entry.as_text()
    elif keyword == "required":
        _check_names(entry)
    elif keyword == "dependentRequired":
        for names in entry.as_mapping().values():
            _check_names(names)
    elif keyword == "enum":
        entry.as_list()


def _check_names(entry: Entry) -> None:
    for item in entry.as_list():
        item.as_text()


def _check_pattern(source: str, entry: Entry) -> None:
    pattern = parse_pattern(source)
    if pattern is None or not pattern.is_safe:
        raise InputFileError(
            "{place}: `{regex}` cannot be checked.",
            hint="Leave out back-references, Unicode classes and repeats inside repeats.",
            place=entry.place,
            regex=source,
        )


def _explain(value: Any, schema: Any, root: Mapping[str, Any], path: str) -> str | None:
    schema = resolve(schema, root)
    if conforms(value, schema, root):
        return None
    if not isinstance(schema, dict):
        return _say(path, "is not allowed")
    types = schema.get("type", [])
    names = [types] if isinstance(types, str) else types
    if names and not any(is_type(value, name) for name in names):
        return _say(path, f"must be {' or '.join(names)}, not {_KINDS[type(value)]}")
    inside = None
    if isinstance(value, dict):
        inside = _explain_object(value, schema, root, path)
    elif isinstance(value, list):
        inside = _explain_array(value, schema, root, path)
    return inside or _explain_keyword(value, schema, root, path)


def _explain_object(
    value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> str | None:
    prefix = f"{path}." if path else ""
    for name in schema.get("required", ()):
        if name not in value:
            return _say(prefix + name, "is required")
    properties = schema.get("properties", {})
    is_closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    for name, item in value.items():
        if name in properties:
            found = _explain(item, properties[name], root, prefix + name)
            if found is not None:
                return found
        elif is_closed:
            return _say(prefix + name, "is not an argument of this tool")
    return None


def _explain_array(
    value: list[Any], schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> str | None:
    prefix = schema.get("prefixItems", [])
    rest = schema.get("items", True)
    for at, item in enumerate(value):
        part = prefix[at] if at < len(prefix) else rest
        found = _explain(item, part, root, f"{path}[{at}]")
        if found is not None:
            return found
    return None


def _explain_keyword(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> str:
    """`value` has the right type and the right parts, and breaks one keyword all the same."""
    for keyword, wanted in schema.items():
        if keyword == "enum" and not conforms(value, {"enum": wanted}, root):
            return _say(path, f"must be one of {', '.join(map(_spell, wanted))}")
        if keyword in _PHRASES and not conforms(value, {keyword: wanted}, root):
            is_text = keyword in {"format", "pattern"}
            return _say(path, _PHRASES[keyword].format(wanted if is_text else _spell(wanted)))
    return _say(path, "does not fit the schema")


def _say(path: str, what: str) -> str:
    return f"{path or 'arguments'}: {what}"


def _spell(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
