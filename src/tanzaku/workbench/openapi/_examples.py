"""Values for schemas: the document's own examples where it has some, else the smallest that fit."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.workbench.openapi._document import Content, Document, Schema
from tanzaku.workbench.openapi._patterns import write_match

type Hint = Callable[[str], Any]
"""From a property's name to a value that makes sense there; None: nothing is known of it."""

_FORMATS: Final[Mapping[str, str]] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1S",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "byte": base64.b64encode(b"text").decode(),
    "regex": ".*",
    "json-pointer": "/a",
}
_MAX_ITEMS: Final = 100


class _EndlessError(Exception):
    """Every value of this schema contains another one of it."""


class ExampleBuilder:
    """Builds values for one document's schemas. `hint` is asked before a schema is."""

    def __init__(self, document: Document, hint: Hint = lambda name: None) -> None:
        self._document = document
        self._hint = hint
        self._open: list[str] = []

    def build_body(self, content: Content) -> Any:
        """A value for a request body: its first example that fits its schema, else the smallest
        that does."""
        for example in content.examples:
            if content.schema is None or self.fits(content.schema, example):
                return example
        return None if content.schema is None else self.build(content.schema)

    def build(self, schema: Schema, name: str = "") -> Any:
        """A value for a schema, of the property `name` if it is one; None when there is none that
        ends."""
        try:
            return self._build(schema, name)
        except _EndlessError:
            return None

    def fits(self, schema: Schema, value: Any) -> bool:
        """Whether the schema accepts the value."""
        return self.find_mistake(schema, value) is None

    def find_mistake(self, schema: Schema, value: Any) -> str | None:
        """Why the schema does not accept the value; None when it does, or is itself wrong."""
        try:
            import jsonschema_rs
        except ModuleNotFoundError as error:
            raise UserError(
                "Building examples needs the package jsonschema-rs.",
                hint="pip install 'tanzaku[workbench]'",
            ) from error
        try:
            judge = jsonschema_rs.validator_for(self._document.bundle(schema))
        except (ValueError, jsonschema_rs.ReferencingError):
            return None
        return next((error.message for error in judge.iter_errors(value)), None)

    def find_property(self, schema: Schema | None, name: str) -> Schema | None:
        """The schema of an object's property; None when the object says nothing of it."""
        whole = None if schema is None else self._document.resolve(schema)
        if not isinstance(whole, dict):
            return None
        found: Schema | None = (
            self._merge(whole, whole.get("allOf", [])).get("properties", {}).get(name)
        )
        return found

    def find_items(self, schema: Schema | None) -> Schema | None:
        """The schema of a list's items, its alternatives looked through."""
        whole = None if schema is None else self._document.resolve(schema)
        if not isinstance(whole, dict):
            return None
        if "items" in whole:
            items: Schema = whole["items"]
            return items
        found = (self.find_items(one) for key in ("anyOf", "oneOf") for one in whole.get(key, []))
        return next((one for one in found if one is not None), None)

    def is_binary(self, schema: Schema | None) -> bool:
        """Whether the values are files' bytes."""
        whole = None if schema is None else self._document.resolve(schema)
        return isinstance(whole, dict) and (
            whole.get("format") == "binary" or "contentMediaType" in whole
        )

    def _build(self, schema: Schema, name: str) -> Any:
        if isinstance(schema, bool):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return self._build_plain(schema, name)
        if reference in self._open:
            raise _EndlessError
        self._open.append(reference)
        try:
            return self._build_plain(self._document.resolve(schema), name)
        finally:
            self._open.pop()

    def _build_plain(self, schema: Schema, name: str) -> Any:
        if isinstance(schema, bool):
            return {}
        for value in self._iter_given(schema, name):
            if self.fits(schema, value):
                return value
        for key in ("oneOf", "anyOf"):
            if alternatives := schema.get(key):
                return self._build_alternative(schema, key, alternatives, name)
        if parts := schema.get("allOf"):
            return self._build_plain(self._merge(schema, parts), name)
        return self._build_kind(schema, name)

    def _iter_given(self, schema: dict[str, Any], name: str) -> list[Any]:
        """What somebody said the value could be, best first."""
        hinted = self._hint(name) if name else None
        given = [] if hinted is None else [hinted]
        if "const" in schema:
            given.append(schema["const"])
        examples = schema.get("examples")
        given += examples if isinstance(examples, list) else []
        if schema.get("default") is not None:
            given.append(schema["default"])
        enum = schema.get("enum")
        return given + [one for one in enum or [] if one is not None]

    def _build_alternative(
        self, schema: dict[str, Any], key: str, alternatives: list[Any], name: str
    ) -> Any:
        """By the first alternative that ends, null last."""
        beside = {part: value for part, value in schema.items() if part != key}
        for one in sorted(alternatives, key=lambda one: one == {"type": "null"}):
            try:
                if beside.keys() & {"properties", "required", "allOf"}:
                    return self._build_plain(self._merge(beside, [one]), name)
                return self._build(one, name)
            except _EndlessError:
                continue
        raise _EndlessError

    def _merge(self, schema: dict[str, Any], parts: list[Any]) -> dict[str, Any]:
        """What all of the parts say, as one schema; of two values for a keyword the later."""
        merged: dict[str, Any] = {}
        for one in [*parts, {k: v for k, v in schema.items() if k != "allOf"}]:
            part = self._document.resolve(one)
            if isinstance(part, bool):
                continue
            if "allOf" in part:
                part = self._merge(part, part["allOf"])
            properties = {**merged.get("properties", {}), **part.get("properties", {})}
            required = [*merged.get("required", []), *part.get("required", [])]
            merged = {**merged, **part}
            if properties:
                merged["properties"] = properties
            if required:
                merged["required"] = list(dict.fromkeys(required))
        return merged

    def _build_kind(self, schema: dict[str, Any], name: str) -> Any:
        kinds = schema.get("type")
        if isinstance(kinds, list):
            kinds = next((kind for kind in kinds if kind != "null"), "null")
        if kinds is None:
            kinds = _guess_kind(schema)
        match kinds:
            case "object":
                return self._build_object(schema)
            case "array":
                return self._build_array(schema, name)
            case "string":
                return _build_text(schema)
            case "integer" | "number":
                return _build_number(schema, is_whole=kinds == "integer")
            case "boolean":
                return False
            case _:
                return None

    def _build_object(self, schema: dict[str, Any]) -> dict[str, Any]:
        properties: dict[str, Any] = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        made = {
            name: self._build(properties.get(name, more), name)
            for name in schema.get("required", [])
        }
        for name, one in properties.items():
            if len(made) >= schema.get("minProperties", 0):
                break
            if name not in made:
                made[name] = self._build(one, name)
        for number in range(len(made), min(schema.get("minProperties", 0), _MAX_ITEMS)):
            made[f"key{number + 1}"] = self._build(more, "")
        return made

    def _build_array(self, schema: dict[str, Any], name: str) -> list[Any]:
        count = min(schema.get("minItems", 0), _MAX_ITEMS)
        first: list[Any] = schema.get("prefixItems", [])[:count]
        made = [self._build(one, name) for one in first]
        for number in range(len(made), count):
            item = self._build(schema.get("items", True), name)
            if schema.get("uniqueItems") and item in made and isinstance(item, int | str):
                item = item + number if isinstance(item, int) else f"{item}{number + 1}"
            made.append(item)
        return made


def _guess_kind(schema: dict[str, Any]) -> str:
    if schema.keys() & {"properties", "required", "additionalProperties", "minProperties"}:
        return "object"
    if schema.keys() & {"items", "minItems", "prefixItems"}:
        return "array"
    if schema.keys() & {"minimum", "maximum", "exclusiveMinimum", "multipleOf"}:
        return "number"
    return "string" if schema.keys() & {"pattern", "format", "minLength"} else "object"


def _build_text(schema: dict[str, Any]) -> str:
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    if "pattern" in schema:
        text = write_match(schema["pattern"], least)
        if text is not None:
            return text
    text = _FORMATS.get(schema.get("format", ""), "text")
    if len(text) < least:
        text += "a" * (least - len(text))
    return text if most is None else text[: int(most)]


def _build_number(schema: dict[str, Any], *, is_whole: bool) -> int | float:
    step = schema.get("multipleOf", 1)
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is None:
        least = 1 if most is None or most >= 1 else most
    value = -(-least // step) * step
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        value += step
    if most is not None and value > most and not is_whole:
        value = (least + most) / 2  # between two bounds less than a step apart
    return int(value) if float(value).is_integer() else value
