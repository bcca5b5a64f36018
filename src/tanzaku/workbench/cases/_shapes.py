"""Schemas made flat: references followed, `allOf` joined, unions taken apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tanzaku.workbench.openapi import Document, Schema

type Flat = Mapping[str, Any]
"""A schema without `$ref` and `allOf` at its top; unions may still be in it."""

TYPES: Final = ("string", "integer", "number", "boolean", "array", "object", "null")
_MAX: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MIN: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_BY_KEY: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset(
        {"properties", "required", "additionalProperties", "minProperties", "maxProperties",
         "patternProperties", "propertyNames"}
    ),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}),
    "string": frozenset({"pattern", "minLength", "maxLength"}),
    "number": frozenset(
        {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Branch:
    """One way a union can be: `label` names it (a discriminator's value, else a schema's name or a
    type), empty where there is no union."""

    label: str
    schema: Flat


@dataclass
class Shapes:
    """Flat schemas of one document."""

    document: Document
    _flat: dict[int, tuple[Schema, Flat]] = field(default_factory=dict)

    def flatten(self, schema: Schema) -> Flat:
        """`{}` for what accepts anything. A name that it was referred by stands under `$name`."""
        found = self._flat.get(id(schema))
        if found is None:
            # The schema is kept so that its id stays its own.
            found = self._flat[id(schema)] = (schema, self._flatten(schema))
        return found[1]

    def _flatten(self, schema: Schema) -> Flat:
        if isinstance(schema, bool):
            return {} if schema else {"not": {}}
        name = read_name(schema)
        resolved = self.document.resolve(schema)
        if isinstance(resolved, bool):
            return {} if resolved else {"not": {}}
        flat: Flat = resolved
        if "allOf" in resolved:
            flat = {key: one for key, one in resolved.items() if key != "allOf"}
            for part in resolved["allOf"]:
                flat = merge(self.flatten(part), flat)
        if flat.get("required") and flat.get("properties"):
            flat = self._drop_read_only(flat)
        return {**flat, "$name": name} if name else flat

    def _drop_read_only(self, flat: Flat) -> Flat:
        """What only answers have need not be sent, whatever `required` says (OpenAPI)."""
        read_only = [
            name
            for name, one in flat["properties"].items()
            if name in flat["required"] and self.is_marked(one, "readOnly")
        ]
        if not read_only:
            return flat
        return {**flat, "required": [one for one in flat["required"] if one not in read_only]}

    def is_marked(self, schema: Schema, mark: str) -> bool:
        """Whether it is `readOnly` or `writeOnly`."""
        if isinstance(schema, dict) and (schema.keys() & {"$ref", "allOf"}):
            return self.flatten(schema).get(mark) is True
        return isinstance(schema, dict) and schema.get(mark) is True

    def list_branches(self, flat: Flat) -> list[Branch]:
        """Every way a value can be, by unions, `if` and lists of types; `null` comes last."""
        found = list(self._iter_branches(flat, ""))
        found.sort(key=lambda one: find_types(one.schema) == ("null",))
        return found

    def _iter_branches(self, flat: Flat, label: str, depth: int = 0) -> Iterator[Branch]:
        key = next((key for key in ("oneOf", "anyOf") if isinstance(flat.get(key), list)), None)
        if key is not None and depth < 8:
            rest = {name: one for name, one in flat.items() if name not in {key, "discriminator"}}
            for number, part in enumerate(flat[key], start=1):
                one = merge(self.flatten(part), rest)
                name = self._name_branch(flat, part, one) or str(number)
                yield from self._iter_branches(one, f"{label}.{name}" if label else name, depth + 1)
            return
        if "if" in flat and depth < 8:
            rest = {n: one for n, one in flat.items() if n not in {"if", "then", "else"}}
            then = merge(
                merge(self.flatten(flat["if"]), self.flatten(flat.get("then", True))), rest
            )
            yield from self._iter_branches(then, f"{label}.then".lstrip("."), depth + 1)
            other = merge(self.flatten(flat.get("else", True)), rest)
            yield from self._iter_branches(other, f"{label}.else".lstrip("."), depth + 1)
            return
        kinds = find_types(flat)
        if len(kinds) < 2:
            yield Branch(label, flat)
            return
        for kind in kinds:
            one = {**flat, "type": kind}
            if "enum" in flat:
                one["enum"] = [value for value in flat["enum"] if has_type(value, kind)]
                if not one["enum"]:
                    continue
            yield Branch(f"{label}.{kind}".lstrip("."), one)

    def _name_branch(self, flat: Flat, part: Schema, branch: Flat) -> str:
        tag = self.find_tag(flat, branch)
        if tag is not None:
            return str(tag[1])
        title = branch.get("$name") or (part.get("title") if isinstance(part, dict) else None)
        kinds = find_types(branch)
        return str(title or (kinds[0] if len(kinds) == 1 else ""))

    def find_tag(self, union: Flat, branch: Flat) -> tuple[str, Any] | None:
        """The property that tells this branch from others, and its value in it."""
        given = union.get("discriminator")
        names = [given["propertyName"]] if isinstance(given, Mapping) else []
        properties = branch.get("properties", {})
        for name in [*names, "type", "kind", *properties]:
            if name in properties:
                one = self.flatten(properties[name])
                values = [one["const"]] if "const" in one else one.get("enum", [])
                if len(values) == 1 and isinstance(values[0], str):
                    return name, values[0]
        return None


def read_name(schema: Schema) -> str:
    """The named schema that this refers to."""
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    return reference.rpartition("/")[2] if isinstance(reference, str) else ""


def find_types(flat: Flat) -> tuple[str, ...]:
    """The types it says, or those its keywords speak of; empty for anything."""
    said = flat.get("type")
    if isinstance(said, str):
        return (said,)
    if isinstance(said, list):
        return tuple(one for one in TYPES if one in said)
    values = [flat["const"]] if "const" in flat else flat.get("enum", [])
    if values:
        return tuple(one for one in TYPES if any(_find_type(value) == one for value in values))
    return tuple(kind for kind, keys in _BY_KEY.items() if keys & flat.keys())[:1]


def has_type(value: Any, kind: str) -> bool:
    found = _find_type(value)
    return found == kind or (kind == "number" and found == "integer")


def _find_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def merge(first: Flat, second: Flat) -> Flat:
    """What both say, as one schema; of two values that cannot be joined the second."""
    merged: dict[str, Any] = {**first, **second}
    for key in first.keys() & second.keys():
        one, other = first[key], second[key]
        if key in _MAX:
            merged[key] = max(one, other)
        elif key in _MIN:
            merged[key] = min(one, other)
        elif key == "required":
            merged[key] = list(dict.fromkeys([*one, *other]))
        elif key == "properties":
            merged[key] = {
                **one,
                **other,
                **{name: _join(one[name], other[name]) for name in one if name in other},
            }
        elif key == "enum":
            merged[key] = [value for value in one if value in other]
        elif key == "additionalProperties" and False in (one, other):
            merged[key] = False
        elif key == "type":
            merged[key] = _meet_types(first, second)
        elif key in {"oneOf", "anyOf"}:
            # Two unions of one kind cannot both be kept; the judge of the whole knows of both.
            merged[key] = other
    return merged


def _join(one: Schema, other: Schema) -> Schema:
    return one if one == other or other is True else other if one is True else {
        "allOf": [one, other]
    }  # fmt: skip


def _meet_types(first: Flat, second: Flat) -> Any:
    one, other = find_types(first), find_types(second)
    both = [kind for kind in one if kind in other]
    if not both and {"integer", "number"} <= {*one, *other}:
        both = ["integer"]
    return both[0] if len(both) == 1 else both or second["type"]
