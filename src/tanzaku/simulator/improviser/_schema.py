"""Values that fit a JSON Schema, drawn from a prompt where they stand there."""

from collections.abc import Mapping
from typing import Any

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._conforms import conforms, is_same, matches, resolve
from tanzaku.simulator.improviser._facts import Facts
from tanzaku.simulator.improviser._formats import sample_format
from tanzaku.simulator.improviser._hints import find_kinds
from tanzaku.simulator.improviser._merge import merge_schemas
from tanzaku.simulator.improviser._scalars import LOOSE, Scalars

_ATTEMPTS = 12
_IN_TURN = 3
_MAX_DEPTH = 7
_DEEPEST = 40
_KEY_TRIES = 8
_TOLD = frozenset({"code", "email", "person", "company", "place", "url", "phone"})
_CONDITION = frozenset({"if", "then", "else"})
_MAX_ITEMS = 512
_MAX_VALUES = 4000


class BrokenSchemaError(ValueError):
    """A schema whose keywords hold what they cannot hold."""


def build_value(
    schema: Mapping[str, Any],
    facts: Facts,
    chance: Chance,
    *,
    fill: bool,
    preferred: Mapping[str, str] | None = None,
    item_count: int | None = None,
) -> Any:
    """A value for `schema`, the root that its `$ref`s point into.

    With `fill` optional properties are filled as well; otherwise only those the prompt answers.
    `preferred` gives the text to use for named properties where it fits; `item_count` how many
    items an array should have where its bounds allow. Several drafts are tried; when none fits a
    schema (one of contradictions, or one that asks for more than 4,000 values) the last is returned.
    Raises BrokenSchemaError.
    """
    value: Any = None
    try:
        for attempt in range(_ATTEMPTS):
            builder = _Builder(schema, facts, chance, fill, preferred or {}, item_count, attempt)
            value = builder.build()
            if builder.is_exhausted or conforms(value, schema, schema):
                break
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        # What no schema language allows: {"minLength": "x"}, {"enum": 3}, ...
        raise BrokenSchemaError(str(error)) from error
    return value


class _Builder:
    """One draft. `attempt` rotates through branches and, later on, ignores the prompt."""

    def __init__(
        self,
        root: Mapping[str, Any],
        facts: Facts,
        chance: Chance,
        fill: bool,
        preferred: Mapping[str, str],
        item_count: int | None,
        attempt: int,
    ) -> None:
        self._root = root
        self._facts = facts
        self._chance = chance
        self._fill = fill
        self._item_count = item_count
        self._attempt = attempt
        self._scalars = Scalars(root, facts, chance, preferred, attempt)
        self._left = _MAX_VALUES

    @property
    def is_exhausted(self) -> bool:
        """Whether the schema asked for more values than one answer may hold."""
        return self._left < 0

    def build(self) -> Any:
        return self._value(self._root, "", -1, 0)

    def _value(self, raw: Any, name: str, index: int, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return None
        schema = self._expand(raw, depth)
        for keyword in ("oneOf", "anyOf"):
            if schema.get(keyword):
                base = {key: part for key, part in schema.items() if key != keyword}
                return self._try_branches(schema, base, schema[keyword], name, index, depth)
        if "if" in schema:
            base = {key: part for key, part in schema.items() if key not in _CONDITION}
            met = {"allOf": [schema["if"], schema.get("then", {})]}
            return self._try_branches(
                schema, base, [met, schema.get("else", {})], name, index, depth
            )
        return self._build(schema, name, index, depth)

    def _build(self, schema: dict[str, Any], name: str, index: int, depth: int) -> Any:
        if "const" in schema or "enum" in schema:
            return schema["const"] if "const" in schema else self._scalars.choose(schema)
        kind = self._choose_type(schema, depth)
        if kind == "object":
            return self._object(schema, index, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        return self._scalars.write(schema, kind, name, index)

    def _try_branches(
        self,
        schema: dict[str, Any],
        base: dict[str, Any],
        branches: list[Any],
        name: str,
        index: int,
        depth: int,
    ) -> Any:
        """A value by the first branch whose value fits the whole, else by the first branch."""
        used = set(self._scalars.used)
        drafts: list[Any] = []
        for branch in self._rank(branches, depth):
            self._scalars.used = set(used)
            draft = self._value({"allOf": [base, branch]}, name, index, depth + 1)
            if self._scalars.fits(draft, schema):
                return draft
            drafts.append(draft)
        return drafts[0]

    def _rank(self, branches: list[Any], depth: int) -> list[Any]:
        """The branches in the order to try: null last; later attempts start further on."""
        if depth > _MAX_DEPTH:
            # Out of a recursive schema by the branch that leads nowhere deeper.
            return sorted(branches, key=lambda part: ("$ref" in str(part), len(str(part))))
        ranked = sorted(branches, key=lambda part: part == {"type": "null"})
        turn = self._attempt % len(ranked)
        if self._attempt >= _IN_TURN:
            turn = self._chance.below(len(ranked))
        return ranked[turn:] + ranked[:turn]

    def _expand(self, raw: Any, depth: int) -> dict[str, Any]:
        """One schema without references and `allOf`."""
        schema = resolve(raw, self._root)
        if not isinstance(schema, dict):
            return {}
        merged = dict(schema)
        for part in merged.pop("allOf", ()):
            if depth <= _DEEPEST:
                merged = merge_schemas(merged, self._expand(part, depth + 1))
        return merged

    def _flatten(self, raw: Any, depth: int) -> dict[str, Any]:
        """The same without branches: the one that would be tried first is taken."""
        schema = self._expand(raw, depth)
        for keyword in ("oneOf", "anyOf"):
            branches = schema.pop(keyword, None)
            if branches and depth <= _DEEPEST:
                first = self._rank(branches, depth)[0]
                schema = merge_schemas(schema, self._flatten(first, depth + 1))
        return schema

    def _choose_type(self, schema: Mapping[str, Any], depth: int) -> str:
        types = schema.get("type")
        if isinstance(types, list) and types:
            ranked = sorted(types, key=lambda kind: (kind == "null") != (depth > _MAX_DEPTH))
            return str(ranked[self._attempt % len(ranked)] if self._attempt > 1 else ranked[0])
        if isinstance(types, str):
            return types
        if schema.keys() & {"properties", "required", "additionalProperties", "minProperties"}:
            return "object"
        if schema.keys() & {"items", "prefixItems", "minItems", "contains"}:
            return "array"
        if schema.keys() & {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}:
            return "number"
        return "number" if "multipleOf" in schema else "string"

    def _object(self, schema: Mapping[str, Any], index: int, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = [name for name in schema.get("required", ()) if isinstance(name, str)]
        value: dict[str, Any] = {}
        for name, part in properties.items():
            if name in required or (self._fill and depth < _MAX_DEPTH):
                value[name] = self._value(part, name, index, depth + 1)
            elif self._attempt < 2 and depth < 2:
                drawn = self._draw_optional(part, name, depth)
                if drawn is not None:
                    value[name] = drawn
        for name in self._list_due(schema, required, value):
            value[name] = self._value(self._find_part(schema, name), name, index, depth + 1)
        wanted = min(schema.get("minProperties", 0), _MAX_ITEMS)
        for name, part in properties.items():
            if len(value) < wanted and name not in value:
                value[name] = self._value(part, name, index, depth + 1)
        for number in range(wanted - len(value)):
            name = self._make_key(schema, value, number, depth)
            value[name] = self._value(self._find_part(schema, name), "", number, depth + 1)
        for name in [name for name in reversed(value) if name not in required]:
            if len(value) > schema.get("maxProperties", len(value)):
                del value[name]
        return value

    def _list_due(
        self, schema: Mapping[str, Any], required: list[str], value: Mapping[str, Any]
    ) -> list[str]:
        """The names still missing: required ones and those that present ones bring along."""
        names = [*required, *value]
        for name in names:
            more = schema.get("dependentRequired", {}).get(name, ())
            names += [other for other in more if other not in names]
        return [name for name in dict.fromkeys(names) if name not in value]

    def _find_part(self, schema: Mapping[str, Any], name: str) -> Any:
        """What a property's value must fit."""
        patterns = schema.get("patternProperties", {})
        parts = [part for source, part in patterns.items() if matches(name, source)]
        if name in schema.get("properties", {}):
            parts.append(schema["properties"][name])
        if len(parts) > 1:
            return {"allOf": parts}
        return parts[0] if parts else schema.get("additionalProperties", True)

    def _make_key(
        self, schema: Mapping[str, Any], value: Mapping[str, Any], number: int, depth: int
    ) -> str:
        """A name for a property that the schema does not name."""
        allowed = schema.get("propertyNames")
        if allowed is None and schema.get("additionalProperties") is False:
            allowed = {"pattern": next(iter(schema.get("patternProperties", {"": True})))}
        if isinstance(allowed, dict):
            for _ in range(_KEY_TRIES):
                key = self._value({"type": "string", **allowed}, "", number, depth + 1)
                if isinstance(key, str) and key not in value:
                    return key
        return f"field_{number + 1}"

    def _draw_optional(self, raw: Any, name: str, depth: int) -> Any:
        """A value for an optional property only when the prompt holds one for it."""
        schema = self._flatten(raw, depth)
        if "enum" in schema:
            return self._scalars.find_mentioned(schema["enum"])
        match self._choose_type(schema, depth):
            case "string":
                kinds = [kind for kind in find_kinds(name, schema) if kind not in LOOSE]
                return self._scalars.draw(kinds, schema)
            case "integer" | "number" as kind:
                return self._scalars.draw_number(schema, kind, name, near_only=True)
            case _:
                return None

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        low = min(schema.get("minItems", 0), _MAX_ITEMS)
        high = min(schema.get("maxItems", _MAX_ITEMS), _MAX_ITEMS)
        prefix = schema.get("prefixItems", [])
        items = schema.get("items", True)
        values = [self._value(part, name, at, depth + 1) for at, part in enumerate(prefix)]
        if items is False:
            return values[:high]
        values += self._draw_items(items, name, depth)
        told = self._count_told(items, depth)
        self._scalars.is_told = bool(told)
        wanted = max(low, len(values), told or self._usual_length(depth, low))
        if "contains" in schema and len(values) < high:
            values.append(self._value(schema["contains"], name, 0, depth + 1))
        tries = 0
        while len(values) < min(wanted, high) and tries < wanted * 4 + 16:
            item = self._value(
                items, name, len(values) + (tries if tries > wanted else 0), depth + 1
            )
            tries += 1
            if schema.get("uniqueItems") and any(is_same(item, other) for other in values):
                item = self._vary(item, items, tries)
                if item is None or any(is_same(item, other) for other in values):
                    continue
            values.append(item)
        return values[:high]

    def _count_told(self, items: Any, depth: int) -> int:
        """How many objects the prompt tells of: as many as it holds codes, people, ... for them."""
        properties = self._flatten(items, depth).get("properties", {})
        if self._attempt > 1 or self._item_count is not None:
            return 0
        kinds = {
            kind
            for name, part in properties.items()
            for kind in find_kinds(name, self._expand(part, depth))[:1]
            if kind in _TOLD
        }
        return max((self._scalars.count_unused(kind) for kind in kinds), default=0)

    def _usual_length(self, depth: int, low: int) -> int:
        if depth > _MAX_DEPTH - 3:
            return low
        if self._item_count is not None and depth < 3:
            return self._item_count
        return 3 if depth < 2 else 2

    def _draw_items(self, items: Any, name: str, depth: int) -> list[Any]:
        """Every value of the prompt that an array of strings is after (all cities, all emails)."""
        schema = self._flatten(items, depth)
        if self._attempt > 1 or self._choose_type(schema, depth) != "string" or "enum" in schema:
            return []
        kinds = [
            kind for kind in find_kinds(name, schema) if kind not in LOOSE and kind != "quoted"
        ]
        if not kinds and name.endswith("s"):
            kinds = list(find_kinds(name[:-1], schema))
        found = [value for kind in kinds[:1] for value in self._facts.find(kind)]
        return [value for value in found if self._scalars.fits(value, schema)]

    def _vary_part(self, item: dict[str, Any], schema: dict[str, Any], number: int) -> Any:
        """`item` with the first of its values that can be another."""
        for name, part in item.items():
            varied = self._vary(part, self._find_part(schema, name), number)
            if varied is not None:
                return {**item, name: varied}
        return None

    def _vary(self, item: Any, items: Any, number: int) -> Any:
        schema = self._flatten(items, 0)
        if "enum" in schema:
            return schema["enum"][number % len(schema["enum"])]
        if "const" in schema:
            return None
        varied: Any
        if isinstance(item, bool):
            varied = not item
        elif isinstance(schema.get("format"), str):
            varied = sample_format(schema["format"], self._chance, number)
        elif isinstance(item, str):
            varied = f"{item[: max(0, schema.get('maxLength', 4096) - 4)]}{number}"
        elif isinstance(item, int):
            varied = item + number * schema.get("multipleOf", 1)
            if not self._scalars.fits(varied, schema):
                varied = item - number * schema.get("multipleOf", 1)
        elif isinstance(item, float):
            varied = item + number / 1024
        elif isinstance(item, dict):
            varied = self._vary_part(item, schema, number)
        else:
            return None
        return varied if self._scalars.fits(varied, schema) else None
