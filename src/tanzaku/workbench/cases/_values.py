"""Plain values that fit a schema."""

from collections.abc import Callable, Mapping
from typing import Any

from tanzaku.workbench.cases._numbers import build_number
from tanzaku.workbench.cases._shapes import Flat, Shapes, find_types
from tanzaku.workbench.cases._texts import build_text, make_unique
from tanzaku.workbench.openapi import Schema

MAX_DEPTH = 7
MOST_ITEMS = 200
"""No longer lists are written into a suite."""


class EndlessError(Exception):
    """Every value of this schema contains another one of it."""


class Builder:
    """Builds the smallest value for a schema, or one with all that is optional. `hint` knows values
    that make sense under a name."""

    def __init__(self, shapes: Shapes, hint: Callable[[str], Any]) -> None:
        self._shapes = shapes
        self._hint = hint
        self._open: list[str] = []

    def build(self, schema: Schema, name: str = "", *, is_full: bool = False) -> Any:
        """EndlessError when there is none that ends."""
        flat = self._shapes.flatten(schema)
        return self.build_flat(flat, name, is_full=is_full)

    def build_flat(self, flat: Flat, name: str = "", *, is_full: bool = False) -> Any:
        own = flat.get("$name", "")
        if (own and self._open.count(own) > 1) or len(self._open) > MAX_DEPTH * 2:
            raise EndlessError
        self._open.append(own)
        try:
            return self._build(flat, name, is_full)
        finally:
            self._open.pop()

    def _build(self, flat: Flat, name: str, is_full: bool) -> Any:
        if "const" in flat:
            return flat["const"]
        hinted = self._hint(name) if name else None
        if hinted is not None and not is_full:
            return hinted
        enum = [one for one in flat.get("enum", []) if one is not None]
        if enum:
            return enum[0]
        for given in (flat.get("examples"), [flat["example"]] if "example" in flat else None):
            is_scalar = isinstance(given, list) and given and not isinstance(given[0], dict | list)
            if is_scalar and isinstance(given, list):
                return given[0]
        branches = self._shapes.list_branches(flat)
        if len(branches) > 1:
            return self._build_branch([one.schema for one in branches], name, is_full)
        return self._build_kind(branches[0].schema if branches else flat, name, is_full)

    def _build_branch(self, branches: list[Flat], name: str, is_full: bool) -> Any:
        for one in branches:
            try:
                return self.build_flat(one, name, is_full=is_full)
            except EndlessError:
                continue
        raise EndlessError

    def _build_kind(self, flat: Flat, name: str, is_full: bool) -> Any:
        if "const" in flat or flat.get("enum"):
            return flat.get("const", (flat.get("enum") or [None])[0])
        kinds = find_types(flat) or ("object" if flat.get("properties") else "string",)
        if kinds[0] == "object":
            return self.build_object(flat, is_full=is_full)
        if kinds[0] == "array":
            return self.build_array(flat, name, is_full=is_full)
        return _build_scalar(flat, kinds[0], name)

    def build_object(self, flat: Flat, *, is_full: bool = False) -> dict[str, Any]:
        """What is required, and with `is_full` what is optional but for what never ends."""
        properties: Mapping[str, Schema] = flat.get("properties", {})
        more: Schema = flat.get("additionalProperties", True)
        required = flat.get("required", [])
        made: dict[str, Any] = {}
        for name in dict.fromkeys([*properties, *required]):
            if name in required:
                made[name] = self.build(properties.get(name, more), name, is_full=is_full)
            elif is_full and not self._shapes.is_marked(properties[name], "readOnly"):
                try:
                    made[name] = self.build(properties[name], name, is_full=True)
                except EndlessError:
                    continue
        for number in range(len(made), min(flat.get("minProperties", 0), MOST_ITEMS)):
            spare = next((name for name in properties if name not in made), f"key{number + 1}")
            made[spare] = self.build(properties.get(spare, more), spare)
        return made

    def build_array(self, flat: Flat, name: str, *, is_full: bool = False) -> list[Any]:
        """As few items as may be; one at least with `is_full`."""
        count = min(flat.get("minItems", 0), MOST_ITEMS)
        if is_full and flat.get("maxItems", 1) > 0:
            count = max(count, 1)
        try:
            return self.build_items(flat, name, count)
        except EndlessError:
            if flat.get("minItems", 0):
                raise
            return []

    def build_items(self, flat: Flat, name: str, count: int) -> list[Any]:
        """So many items, no two the same where that matters."""
        first: list[Schema] = list(flat.get("prefixItems", []))[:count]
        made = [self.build(one, name) for one in first]
        item: Schema = flat.get("items", True)
        if count > len(made):
            one = self.build(item, name)
            made += [
                self.vary(item, one, number) if flat.get("uniqueItems") else one
                for number in range(len(made), count)
            ]
        return made

    def vary(self, schema: Schema, value: Any, number: int) -> Any:
        """A value unlike the others of its kind."""
        flat = self._shapes.flatten(schema)
        if number == 0:
            return value
        enum = flat.get("enum")
        if enum:
            return enum[number % len(enum)]
        if isinstance(value, dict):
            for key, one in value.items():
                other = self.vary(flat.get("properties", {}).get(key, True), one, number)
                if other != one:
                    return {**value, key: other}
        return _vary_scalar(flat, value, number)


def _build_scalar(flat: Flat, kind: str, name: str) -> Any:
    match kind:
        case "string":
            return build_text(flat, name)
        case "integer" | "number":
            return build_number(flat, is_whole=kind == "integer")
        case "boolean":
            return False
        case _:
            return None


def _vary_scalar(flat: Flat, value: Any, number: int) -> Any:
    if isinstance(value, bool):
        return number % 2 == 1
    if isinstance(value, int | float):
        return value + number * flat.get("multipleOf", 1)
    if isinstance(value, str):
        text = make_unique(value, str(number)) if "pattern" in flat else f"{value}{number + 1}"
        most = flat.get("maxLength")
        return text if most is None or len(text) <= most else text[-int(most) :]
    return value
