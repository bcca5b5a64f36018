"""Values that fit a schema and values that do not, one thing varied at a time, at every depth."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from tanzaku.workbench.cases._numbers import HUGE, list_bad_numbers, list_numbers
from tanzaku.workbench.cases._shapes import Branch, Flat, Shapes, find_types, has_type
from tanzaku.workbench.cases._texts import build_text, list_bad_texts, list_texts
from tanzaku.workbench.cases._values import MOST_ITEMS, Builder, EndlessError
from tanzaku.workbench.openapi import Schema

MAX_DEPTH: Final = 12
_WRONG: Final[Mapping[str, tuple[tuple[str, Any], ...]]] = {
    "string": (("number", 12345), ("boolean", True), ("null", None), ("list", ["text"]),
               ("object", {"value": "text"})),
    "integer": (("text", "1"), ("boolean", True), ("null", None), ("list", [1]), ("object", {}),
                ("word", "many")),
    "number": (("text", "1.5"), ("boolean", True), ("null", None), ("list", [1]), ("object", {}),
               ("word", "many")),
    "boolean": (("text", "true"), ("number", 1), ("zero", 0), ("null", None), ("word", "yes"),
                ("list", [True])),
    "array": (("object", {}), ("text", "text"), ("number", 1), ("null", None), ("boolean", True)),
    "object": (("list", []), ("text", "text"), ("number", 1), ("null", None), ("boolean", True)),
    "null": (("text", "null"), ("number", 0), ("boolean", False)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """One value. `at` is the way to what was varied (`/items/0/name`), `keyword` what it keeps to or
    breaks, `branch` the union's branches on the way. `is_valid`: None where the schema accepts it
    and a server may not be able to hold it."""

    value: Any
    rule: str
    at: str
    keyword: str
    is_valid: bool | None
    branch: str = ""
    changed: Any = None

    @property
    def goal(self) -> tuple[str, str, str]:
        """What coverage counts: where, which keyword, in which branch."""
        return self.at, self.keyword, self.branch


class Varier:
    """Varies values by the schemas of one document. A named schema is varied in full where it is
    met first, later only in little."""

    def __init__(self, shapes: Shapes, builder: Builder) -> None:
        self._shapes = shapes
        self._builder = builder
        self._seen: set[str] = set()
        self._depth = 0

    def vary(self, schema: Schema, name: str, at: str, base: Any = None) -> Iterator[Variant]:
        """Every variant; those of parts keep the rest of `base`, or of the smallest value."""
        flat = self._shapes.flatten(schema)
        own = flat.get("$name", "")
        is_repeated = bool(own) and own in self._seen
        if self._depth >= MAX_DEPTH:
            return
        if own:
            self._seen.add(own)
        self._depth += 1
        try:
            found = self._vary_flat(flat, name, at, base)
            yield from self._in_little(found, at) if is_repeated else found
        finally:
            self._depth -= 1

    def _in_little(self, found: Iterator[Variant], at: str) -> Iterator[Variant]:
        """A good value of each branch and one of a wrong type."""
        branches: set[str] = set()
        is_wrong_there = False
        for number, one in enumerate(found):
            if number > 400:
                return
            if one.is_valid and one.at == at and one.branch not in branches:
                branches.add(one.branch)
                yield one
            elif one.is_valid is False and one.at == at and not is_wrong_there:
                is_wrong_there = True
                yield one

    def _vary_flat(self, flat: Flat, name: str, at: str, base: Any) -> Iterator[Variant]:
        branches = self._shapes.list_branches(flat)
        if len(branches) > 1:
            yield from self._vary_union(flat, branches, name, at, base)
        elif branches:
            yield from self._vary_kind(branches[0].schema, name, at, base)

    def _vary_union(
        self, union: Flat, branches: list[Branch], name: str, at: str, base: Any
    ) -> Iterator[Variant]:
        kinds = {kind for one in branches for kind in find_types(one.schema)}
        for one in branches:
            own = base if self._is_of(union, one, branches, base) else None
            for variant in self._vary_kind(one.schema, name, at, own):
                is_null = variant.changed is None and variant.value is None
                if variant.rule.startswith("type.") and (variant.at == at or is_null):
                    continue  # Of the union as a whole, below.
                inner = ".".join(part for part in (one.label, variant.branch) if part)
                yield replace(variant, branch=inner)
        if kinds:
            yield from self._list_wrong_types(kinds, at)
        yield from self._break_tags(union, branches, name, at)

    def _is_of(self, union: Flat, branch: Branch, branches: list[Branch], base: Any) -> bool:
        """Whether `base` is a value of this branch and not of another."""
        tag = self._shapes.find_tag(union, branch.schema)
        if tag is not None:
            return isinstance(base, dict) and base.get(tag[0]) == tag[1]
        kinds = find_types(branch.schema)
        others = [one for one in branches if find_types(one.schema) == kinds]
        return len(others) == 1 and bool(kinds) and has_type(base, kinds[0])

    def _break_tags(
        self, union: Flat, branches: list[Branch], name: str, at: str
    ) -> Iterator[Variant]:
        tags = [(one, tag) for one in branches if (tag := self._shapes.find_tag(union, one.schema))]
        if len(tags) < 2:
            return
        for index, (branch, (key, value)) in enumerate(tags):
            try:
                good = self._builder.build_flat(branch.schema, name)
            except EndlessError:
                continue
            if not isinstance(good, dict):
                continue
            other = tags[(index + 1) % len(tags)][1][1]
            wrong = [("tag.of_another", other), ("tag.number", 1), ("tag.null", None)]
            if index == 0:
                wrong += [("tag.unknown", f"{value}_unknown"), ("tag.case", str(value).upper())]
            for rule, tag in wrong:
                yield Variant(
                    {**good, key: tag}, rule, f"{at}/{key}", "oneOf", False, branch.label, tag
                )

    def _vary_kind(self, flat: Flat, name: str, at: str, base: Any) -> Iterator[Variant]:
        kinds = find_types(flat) or ("object" if flat.get("properties") else "",)
        yield from self._list_listed(flat, at)
        if not kinds[0]:
            try:
                yield Variant(self._builder.build_flat(flat, name), "any", at, "type", True)
            except EndlessError:
                return
            return
        if kinds[0] not in {"object", "array"} and not self._is_listed(flat):
            yield from self._vary_scalar(flat, kinds[0], name, at)
        elif kinds[0] == "object" and "const" not in flat:
            yield from self._vary_object(flat, name, at, base)
        elif kinds[0] == "array" and "const" not in flat:
            yield from self._vary_array(flat, name, at, base)
        yield from self._list_wrong_types(set(kinds), at)

    def _is_listed(self, flat: Flat) -> bool:
        return "const" in flat or bool(flat.get("enum"))

    def _list_listed(self, flat: Flat, at: str) -> Iterator[Variant]:
        """Values that the schema names."""
        keyword = "const" if "const" in flat else "enum"
        named = [flat["const"]] if "const" in flat else list(flat.get("enum") or ())
        for value in named:
            yield Variant(value, "enum.value", at, keyword, True, "", value)
        texts = [value for value in named if isinstance(value, str)]
        if texts:
            first = texts[0]
            yield Variant(f"{first}_unknown", "enum.unknown", at, keyword, False)
            for rule, other in (
                ("enum.case", first.upper() if first != first.upper() else first.lower()),
                ("enum.spaced", f" {first}"),
                ("enum.part", first[:-1]),
                ("enum.empty", ""),
            ):
                yield Variant(other, rule, at, keyword, False, "", other)
        numbers = [one for one in named if isinstance(one, int | float) and one is not True]
        if numbers:
            yield Variant(max(numbers) + 1, "enum.unknown", at, keyword, False)
        if flat.get("default") is not None:
            yield Variant(flat["default"], "default.sent", at, "default", True)

    def _list_wrong_types(self, kinds: set[str], at: str) -> Iterator[Variant]:
        first = next(iter(sorted(kinds)))
        for kind in (first, *sorted(kinds - {first})):
            for rule, value in _WRONG[kind]:
                yield Variant(value, f"type.{rule}", at, "type", False, "", value)

    def _vary_scalar(self, flat: Flat, kind: str, name: str, at: str) -> Iterator[Variant]:
        good: list[tuple[str, str, Any]] = []
        bad: list[tuple[str, str, Any]] = []
        if kind == "string":
            plain = build_text(flat, name)
            good = [("plain", "type", plain), *list_texts(flat)]
            bad = list_bad_texts(flat, plain)
        elif kind in {"integer", "number"}:
            is_whole = kind == "integer"
            plain = self._builder.build_flat(flat, name)
            good = [("plain", "type", plain), *list_numbers(flat, is_whole=is_whole)]
            bad = list_bad_numbers(flat, is_whole=is_whole)
            for rule, value in HUGE:
                fits = flat.get("maximum", flat.get("exclusiveMaximum")) is None
                yield Variant(value, rule, at, "maximum", None if fits else False, "", value)
            yield Variant(-(2**63) - 1, "number.under_int64", at, "minimum", None, "", -1)
        elif kind == "boolean":
            good = [("boolean.true", "type", True), ("boolean.false", "type", False)]
        elif kind == "null":
            good = [("null", "type", None)]
        hinted = self._builder.build_flat(flat, name)
        if kind == "string" and hinted != good[0][2]:
            good.insert(0, ("plain", "type", hinted))
        for rule, keyword, value in good:
            yield Variant(value, rule, at, keyword, True, "", value)
        for rule, keyword, value in bad:
            yield Variant(value, rule, at, keyword, False, "", value)

    def _vary_object(self, flat: Flat, name: str, at: str, base: Any) -> Iterator[Variant]:
        try:
            least = self._builder.build_object(flat)
        except EndlessError:
            return
        good = base if isinstance(base, dict) else least
        properties: Mapping[str, Schema] = flat.get("properties", {})
        yield Variant(least, "object.minimal", at, "required", True)
        with suppress(EndlessError):
            full = self._builder.build_object(flat, is_full=True)
            yield Variant(full, "object.full", at, "properties", True)
        yield from self._vary_presence(flat, good, least, at)
        yield from self._vary_more(flat, good, at)
        for key, one in properties.items():
            if self._shapes.is_marked(one, "readOnly"):
                continue
            for variant in self.vary(one, key, f"{at}/{key}", good.get(key)):
                yield replace(variant, value={**good, key: variant.value})

    def _vary_presence(
        self, flat: Flat, good: dict[str, Any], least: dict[str, Any], at: str
    ) -> Iterator[Variant]:
        """Each required property left out, each optional one alone."""
        properties: Mapping[str, Schema] = flat.get("properties", {})
        for key in flat.get("required", []):
            left = {name: one for name, one in good.items() if name != key}
            yield Variant(left, "object.missing", f"{at}/{key}", "required", False)
        for key, one in properties.items():
            if self._shapes.is_marked(one, "readOnly"):
                continue
            if key not in flat.get("required", []):
                try:
                    value = self._builder.build(one, key, is_full=True)
                except EndlessError:
                    continue
                yield Variant({**least, key: value}, "object.optional", f"{at}/{key}",
                              "properties", True, "", value)  # fmt: skip
        for key, needed in (flat.get("dependentRequired") or {}).items():
            for other in needed:
                full = {**self._builder.build_object(flat, is_full=True)}
                full.pop(other, None)
                if key in full:
                    yield Variant(full, "object.dependent_missing", f"{at}/{other}",
                                  "dependentRequired", False)  # fmt: skip

    def _vary_more(self, flat: Flat, good: dict[str, Any], at: str) -> Iterator[Variant]:
        """Properties that nobody named."""
        more = flat.get("additionalProperties", flat.get("unevaluatedProperties"))
        if more is False:
            for key, rule in (("unknown_property", "object.unknown"),):
                yield Variant({**good, key: "value"}, rule, f"{at}/{key}",
                              "additionalProperties", False)  # fmt: skip
            for key in list(flat.get("properties", {}))[:1]:
                yield Variant({**good, key.upper() + "_": 1}, "object.unknown_like",
                              f"{at}/{key.upper()}_", "additionalProperties", False)  # fmt: skip
        elif more is None:
            if flat.get("properties"):
                yield Variant({**good, "unknown_property": "value"}, "object.unasked",
                              f"{at}/unknown_property", "additionalProperties", None)  # fmt: skip
        else:
            for key in ("extra", "键 with space"):
                yield from self._add_extra(more, good, key, at)
        most, few = flat.get("maxProperties"), flat.get("minProperties", 0)
        if few and not flat.get("required"):
            yield Variant({}, "object.too_few", at, "minProperties", False)
        if most is not None and most < MOST_ITEMS and more is not False:
            spare = {f"key{number}": self._build_more(more) for number in range(most + 1)}
            yield Variant({**good, **spare}, "object.too_many", at, "maxProperties", False)
            fitting = dict(list({**good, **spare}.items())[:most])
            yield Variant(fitting, "object.most", at, "maxProperties", True)

    def _build_more(self, more: Any) -> Any:
        return "value" if more in (None, True) else self._builder.build(more)

    def _add_extra(
        self, more: Schema, good: dict[str, Any], key: str, at: str
    ) -> Iterator[Variant]:
        if more is True or more == {}:
            yield Variant({**good, key: "value"}, "object.more", f"{at}/{key}",
                          "additionalProperties", True, "", "value")  # fmt: skip
            return
        for variant in self.vary(more, "", f"{at}/{key}"):
            yield replace(variant, value={**good, key: variant.value})

    def _vary_array(self, flat: Flat, name: str, at: str, base: Any) -> Iterator[Variant]:
        least, most = int(flat.get("minItems", 0)), flat.get("maxItems")
        item: Schema = flat.get("items", True)
        for rule, count, keyword, is_valid in _list_counts(least, most):
            try:
                value = self._builder.build_items(flat, name, count)
            except EndlessError:
                continue
            yield Variant(value, rule, at, keyword, is_valid, "", value)
        try:
            good = base if isinstance(base, list) and base else self._builder.build_items(
                flat, name, max(least, 1)
            )  # fmt: skip
        except EndlessError:
            return
        if flat.get("uniqueItems"):
            twice = [*good, good[-1]] if most is None or len(good) < most else [good[0]] * len(good)
            yield Variant(twice, "list.twins", at, "uniqueItems", False)
        if flat.get("prefixItems"):
            return
        for variant in self.vary(item, name, f"{at}/0", good[0]):
            rest = [one for one in good[1:] if not flat.get("uniqueItems") or one != variant.value]
            yield replace(variant, value=[variant.value, *rest])
        if least <= 1 and (most is None or most > 1):
            for variant in self._list_wrong_types(set(find_types(self._shapes.flatten(item))) or
                                                  {"null"}, f"{at}/1"):  # fmt: skip
                yield replace(variant, rule="list.wrong_second", value=[good[0], variant.value])
                break


def _list_counts(least: int, most: int | None) -> Iterator[tuple[str, int, str, bool]]:
    """(rule, items, keyword, whether it fits)."""
    if least == 0:
        yield "list.empty", 0, "minItems", True
    elif least <= MOST_ITEMS:
        yield "list.min", least, "minItems", True
        yield "list.too_few", least - 1, "minItems", False
        if least > 1:
            yield "list.empty_refused", 0, "minItems", False
    if most is None:
        yield "list.two", max(least, 2), "items", True
        yield "list.many", max(least, 30), "items", True
    elif most < MOST_ITEMS:
        yield "list.max", most, "maxItems", True
        yield "list.too_many", most + 1, "maxItems", False
        if most > 2 and least <= 2:
            yield "list.two", 2, "items", True
