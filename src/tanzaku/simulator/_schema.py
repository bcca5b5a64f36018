"""Values that fit a JSON Schema, drawn from a prompt where they stand there."""

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tanzaku.simulator._chance import Chance
from tanzaku.simulator._conforms import conforms, is_same, is_type, matches, resolve
from tanzaku.simulator._facts import Facts
from tanzaku.simulator._hints import find_kinds, split_name
from tanzaku.simulator._pattern import UnsupportedPatternError, parse_pattern
from tanzaku.simulator._samples import sample_format, sample_number, sample_text
from tanzaku.simulator._sentiment import choose_sentiment

_ATTEMPTS = 12
_IN_TURN = 3
_ANSWERS = frozenset(["answer", "result", "value", "total", "sum", "solution", "product"])
_LOOSE = frozenset({"text", "phrase"})
_MAX_DEPTH = 7
_DEEPEST = 40
_MAX_ITEMS = 512
_MAX_VALUES = 4000
_MERGED_AS_MAX = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_MERGED_AS_MIN = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


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
        self._preferred = preferred
        self._item_count = item_count
        self._attempt = attempt
        self._used: set[str] = set()
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
                return self._try_branches(schema, keyword, name, index, depth)
        if "const" in schema or "enum" in schema:
            return schema["const"] if "const" in schema else self._choose(schema)
        kind = self._choose_type(schema, depth)
        if kind == "object":
            return self._object(schema, index, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        return self._scalar(schema, kind, name, index)

    def _try_branches(
        self, schema: dict[str, Any], keyword: str, name: str, index: int, depth: int
    ) -> Any:
        """A value by the first branch whose value fits the whole, else by the first branch."""
        base = {key: part for key, part in schema.items() if key != keyword}
        used = set(self._used)
        drafts: list[Any] = []
        for branch in self._rank(schema[keyword], depth):
            self._used = set(used)
            draft = self._value({"allOf": [base, branch]}, name, index, depth + 1)
            if self._fits(draft, schema):
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

    def _scalar(self, schema: Mapping[str, Any], kind: str, name: str, index: int) -> Any:
        match kind:
            case "boolean":
                return self._boolean(schema, name)
            case "null":
                return None
            case "integer" | "number":
                return self._number(schema, kind, name, index)
            case _:
                return self._string(schema, name, index)

    def _expand(self, raw: Any, depth: int) -> dict[str, Any]:
        """One schema without references and `allOf`."""
        schema = resolve(raw, self._root)
        if not isinstance(schema, dict):
            return {}
        merged = dict(schema)
        for part in merged.pop("allOf", ()):
            if depth <= _DEEPEST:
                merged = _merge(merged, self._expand(part, depth + 1))
        return merged

    def _flatten(self, raw: Any, depth: int) -> dict[str, Any]:
        """The same without branches: the one that would be tried first is taken."""
        schema = self._expand(raw, depth)
        for keyword in ("oneOf", "anyOf"):
            branches = schema.pop(keyword, None)
            if branches and depth <= _DEEPEST:
                first = self._rank(branches, depth)[0]
                schema = _merge(schema, self._flatten(first, depth + 1))
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

    def _fits(self, value: Any, schema: Mapping[str, Any]) -> bool:
        return conforms(value, schema, self._root)

    def _choose(self, schema: Mapping[str, Any]) -> Any:
        """The enum value that the prompt mentions, else the default, else the first that fits."""
        choices = [choice for choice in schema["enum"] if self._fits(choice, schema)]
        if not choices:
            return schema["enum"][0] if schema["enum"] else None
        mentioned = self._mentioned(choices)
        if mentioned is None:
            mentioned = choose_sentiment(choices, self._facts.text)
        if mentioned is not None:
            return mentioned
        if "default" in schema and self._fits(schema["default"], schema):
            return schema["default"]
        return choices[self._attempt % len(choices)]

    def _mentioned(self, choices: list[Any]) -> Any:
        text = self._facts.text.lower()
        words = set(text.split())
        best, best_at = None, len(text)
        for choice in choices:
            if not isinstance(choice, str) or not choice or choice in self._used:
                continue
            spoken = choice.lower().replace("_", " ")
            at = text.find(spoken)
            if at >= 0 and (len(spoken) > 2 or spoken in words) and at < best_at:
                best, best_at = choice, at
        return best

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
        rest = schema.get("additionalProperties", True)
        for name in required:
            if name not in value:
                value[name] = self._value(rest, name, index, depth + 1)
        wanted = min(schema.get("minProperties", 0), _MAX_ITEMS)
        for name, part in properties.items():
            if len(value) < wanted and name not in value:
                value[name] = self._value(part, name, index, depth + 1)
        for number in range(wanted - len(value)):
            value[f"field_{number + 1}"] = self._value(rest, "", number, depth + 1)
        return value

    def _draw_optional(self, raw: Any, name: str, depth: int) -> Any:
        """A value for an optional property only when the prompt holds one for it."""
        schema = self._flatten(raw, depth)
        if "enum" in schema:
            return self._mentioned(schema["enum"])
        match self._choose_type(schema, depth):
            case "string":
                kinds = [kind for kind in find_kinds(name, schema) if kind not in _LOOSE]
                return self._draw(kinds, schema)
            case "integer" | "number" as kind:
                return self._draw_number(schema, kind, name, near_only=True)
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
        wanted = max(low, len(values), self._usual_length(depth, low))
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
            kind for kind in find_kinds(name, schema) if kind not in _LOOSE and kind != "quoted"
        ]
        if not kinds and name.endswith("s"):
            kinds = list(find_kinds(name[:-1], schema))
        found = [value for kind in kinds[:1] for value in self._facts.find(kind)]
        return [value for value in found if self._fits(value, schema)]

    def _vary(self, item: Any, items: Any, number: int) -> Any:
        schema = self._flatten(items, 0)
        if "enum" in schema:
            return schema["enum"][number % len(schema["enum"])]
        if "const" in schema:
            return None
        varied: Any
        if isinstance(item, bool):
            varied = not item
        elif isinstance(item, str):
            varied = f"{item[: max(0, schema.get('maxLength', 4096) - 4)]}{number}"
        elif isinstance(item, int):
            varied = item + number * schema.get("multipleOf", 1)
            if not self._fits(varied, schema):
                varied = item - number * schema.get("multipleOf", 1)
        elif isinstance(item, float):
            varied = item + number / 1024
        else:
            return None
        return varied if self._fits(varied, schema) else None

    def _boolean(self, schema: Mapping[str, Any], name: str) -> bool:
        default = schema.get("default")
        if isinstance(default, bool):
            return default
        text = self._facts.text.lower()
        return any(word in text for word in split_name(name) if len(word) > 3)

    def _number(self, schema: Mapping[str, Any], kind: str, name: str, index: int) -> float:
        if index <= 0 and self._attempt < 3:
            drawn = self._draw_number(schema, kind, name, near_only=False)
            if drawn is not None:
                return drawn
        default = schema.get("default")
        if default is not None and is_type(default, kind) and self._fits(default, schema):
            return float(default) if isinstance(default, float) else int(default)
        return sample_number(schema, kind, name, index, self._chance)

    def _draw_number(
        self, schema: Mapping[str, Any], kind: str, name: str, *, near_only: bool
    ) -> float | None:
        """A number of the prompt: the one beside a word of the property's name, else the next."""
        text = self._facts.text.lower()
        stems = [word.rstrip("s") for word in split_name(name) if len(word) > 2]
        later = None
        if self._facts.sums and stems and stems[-1] in _ANSWERS:
            result = float(self._facts.sums[0].value)
            exact: float = int(result) if result.is_integer() else result
            if (kind == "number" or isinstance(exact, int)) and self._fits(exact, schema):
                return exact
        for literal in self._facts.find("number"):
            value: float = float(literal) if "." in literal else int(literal)
            if kind == "integer" and isinstance(value, float):
                continue
            if literal in self._used or not self._fits(value, schema):
                continue
            at = text.find(literal)
            around = text[max(0, at - 16) : at + len(literal) + 16]
            if any(stem in around for stem in stems):
                self._used.add(literal)
                return value
            if later is None:
                later = (literal, value)
        if near_only or later is None:
            return None
        self._used.add(later[0])
        return later[1]

    def _string(self, schema: Mapping[str, Any], name: str, index: int) -> str:
        wanted = self._preferred.get(name)
        if wanted is not None and self._fits(wanted, schema):
            return wanted
        kinds = find_kinds(name, schema)
        if self._attempt < 3:
            # The items of a list are told apart by what they say, not by repeating the prompt.
            found = kinds or (() if "format" in schema else ("quoted",))
            drawn = self._draw([kind for kind in found if index < 0 or kind not in _LOOSE], schema)
            if drawn is not None:
                return drawn
            for ready in (schema.get("default"), *_examples(schema)):
                if isinstance(ready, str) and self._fits(ready, schema):
                    return ready
        if isinstance(source := schema.get("pattern"), str):
            return self._from_pattern(source, schema)
        declared = schema.get("format")
        if isinstance(declared, str):
            sample = sample_format(declared, self._chance)
            if sample is not None and self._fits(sample, schema):
                return sample
        text = sample_text(name, kinds, self._facts, self._chance, index)
        return _fit_length(text, schema)

    def _draw(self, kinds: tuple[str, ...] | list[str], schema: Mapping[str, Any]) -> str | None:
        for kind in kinds:
            for value in self._facts.find(kind):
                if value not in self._used and self._fits(value, schema):
                    self._used.add(value)
                    return value
        return None

    def _from_pattern(self, source: str, schema: Mapping[str, Any]) -> str:
        for value in self._facts.scanned.get("code", []) + self._facts.scanned.get("number", []):
            if matches(value, source) and self._fits(value, schema):
                return value
        pattern = parse_pattern(source)
        if pattern is None:
            examples = [example for example in _examples(schema) if isinstance(example, str)]
            return examples[0] if examples else _fit_length("value", schema)
        least = schema.get("minLength", 0)
        value = ""
        with suppress(UnsupportedPatternError):
            for growth in (1, 0, 2, 4, least, least // 2 + 1, 16, 3, 8):
                value = pattern.write(self._chance, min(growth, 2048))
                if self._fits(value, schema):
                    break
        return value


def _examples(schema: Mapping[str, Any]) -> list[Any]:
    examples = schema.get("examples")
    return examples if isinstance(examples, list) else []


def _fit_length(text: str, schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if len(text) < low:
        filler = f" {text}" if text else "x"
        text += filler * math.ceil((low - len(text)) / len(filler))
    if high is not None and len(text) > high:
        text = text[: max(high, 0)]
        if text.rstrip() and len(text.rstrip()) >= low:
            text = text.rstrip()
    return text


def _merge(one: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both schemas at once, as far as one schema can say it."""
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
