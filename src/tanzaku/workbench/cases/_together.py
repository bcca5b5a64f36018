"""Cases of several optional values together, at their bounds."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tanzaku.workbench.cases._bodies import write_body
from tanzaku.workbench.cases._case import MadeCase, write_canonical
from tanzaku.workbench.cases._judge import Judge
from tanzaku.workbench.cases._numbers import find_bounds
from tanzaku.workbench.cases._pairs import ABSENT, Row, cover_pairs
from tanzaku.workbench.cases._parameters import write_parameter
from tanzaku.workbench.cases._shapes import Flat, find_types
from tanzaku.workbench.cases._target import Target
from tanzaku.workbench.cases._values import EndlessError
from tanzaku.workbench.openapi import Schema

MOST_VALUES: Final = 5
_SHORT: Final = 64
_ORDERED: Final = (
    ("min", "max"), ("start", "end"), ("from", "to"), ("after", "before"), ("since", "until"),
    ("least", "most"), ("lower", "upper"), ("begin", "end"),
)  # fmt: skip


def list_pair_cases(target: Target, judge: Judge | None, base: Any) -> Iterator[MadeCase]:
    """Bodies, and queries, in which any two values at a bound or absent meet."""
    content = target.json_content
    seen: set[str] = set()
    is_body = judge is not None and content is not None and content.schema is not None
    if is_body and isinstance(base, dict):
        assert judge is not None
        assert content is not None
        assert content.schema is not None
        factors = _list_factors(target, content.schema, base)
        for row in cover_pairs(factors):
            body = _build(base, row)
            key = write_canonical(body)
            if key in seen or not judge.accepts(body) or target.judge_body(body) is not None:
                continue
            seen.add(key)
            expect = target.oracles.tolerate() if _have_order(factors) else target.accept(body)
            yield MadeCase(
                rule="pairs.body", at="", kind="boundary", patch=write_body(target, body),
                expect=expect, goal=("/", "pairs", str(len(seen)), True), weight=6,
            )  # fmt: skip
    yield from _list_query_cases(target)


def _have_order(names: Iterable[str]) -> bool:
    """Whether two of them are likely to be a least and a most, of which no schema says so."""
    parted = [set(re.split(r"[_/-]|(?<=[a-z])(?=[A-Z])", name.lower())) for name in names]
    return any(
        any(one in words for words in parted) and any(other in words for words in parted)
        for one, other in _ORDERED
    )


def _list_factors(target: Target, schema: Schema, base: Mapping[str, Any]) -> dict[str, list[Any]]:
    """By the way of a property, its values; of what is nested, one level deep."""
    flat = target.shapes.flatten(schema)
    found: dict[str, list[Any]] = {}
    for name, one in flat.get("properties", {}).items():
        inner = target.shapes.flatten(one)
        if target.shapes.is_marked(one, "readOnly"):
            continue
        if find_types(inner) == ("object",) and inner.get("properties") and name in base:
            for key, part in inner["properties"].items():
                values = list_values(target, part, key, key in inner.get("required", []))
                found[f"{name}/{key}"] = values
            continue
        found[name] = list_values(target, one, name, name in flat.get("required", []))
    return found


def list_values(target: Target, schema: Schema, name: str, is_needed: bool) -> list[Any]:
    """The plain value first, then none, then those at the bounds."""
    found: list[Any] = []
    if not is_needed:
        found.append(ABSENT)
    for branch in target.shapes.list_branches(target.shapes.flatten(schema)):
        try:
            found += _list_of_branch(target, branch.schema, name)
        except EndlessError:
            continue
    unique: dict[str, Any] = {}
    for value in found:
        unique.setdefault("" if value is ABSENT else write_canonical(value), value)
    return list(unique.values())[: MOST_VALUES + (not is_needed)]


def _list_of_branch(target: Target, flat: Flat, name: str) -> list[Any]:
    listed = [flat["const"]] if "const" in flat else list(flat.get("enum") or ())
    if listed:
        return listed
    kind = (find_types(flat) or ("",))[0]
    found: list[Any] = [target.builder.build_flat(flat, name)]
    match kind:
        case "boolean":
            found = [True, False]
        case "integer" | "number":
            bounds = find_bounds(flat, is_whole=kind == "integer")
            found += [one for one in bounds if one is not None]
            least, most = bounds
            is_in = (least is None or least < 0) and (most is None or most > 0)
            found += [0] if is_in and flat.get("multipleOf") is None else []
        case "string":
            longest = flat.get("maxLength")
            is_free = "pattern" not in flat and "format" not in flat
            if is_free and longest is not None and longest <= _SHORT:
                found.append("a" * int(longest))
        case "array":
            least, most = flat.get("minItems", 0), flat.get("maxItems")
            counts = [max(least, 1), least, *([most] if most is not None and most <= 10 else [])]
            found = [target.builder.build_items(flat, name, count) for count in counts]
        case _:
            pass
    return found


def _build(base: Mapping[str, Any], row: Row) -> dict[str, Any]:
    body: dict[str, Any] = copy.deepcopy(dict(base))
    for way, value in row.items():
        outer, _, name = way.rpartition("/")
        owner = body[outer] if outer else body
        if value is ABSENT:
            owner.pop(name, None)
        else:
            owner[name] = copy.deepcopy(value)
    return body


def _list_query_cases(target: Target) -> Iterator[MadeCase]:
    """Of a query without free texts: what they mean nobody knows."""
    parameters = {
        one.name: one
        for one in target.operation.parameters
        if one.place == "query"
        and find_types(target.shapes.flatten(one.schema)) != ("object",)
        and not is_opaque(target, one.schema)
    }
    factors = {
        name: list_values(target, one.schema, name, one.is_required)
        for name, one in parameters.items()
    }
    for number, row in enumerate(cover_pairs(factors), start=1):
        query: dict[str, Any] = {}
        for name, value in row.items():
            if value is ABSENT:
                query[name] = None
                continue
            patch = write_parameter(parameters[name], value)
            if patch is None:
                break
            query |= patch["query"]
        else:
            yield MadeCase(
                rule="pairs.query", at="", kind="boundary", patch={"query": query},
                expect=target.oracles.tolerate(), goal=("?", "pairs", str(number), True), weight=6,
            )  # fmt: skip


def is_opaque(target: Target, schema: Schema) -> bool:
    """A text that is not one of a list."""
    flat = target.shapes.flatten(schema)
    return find_types(flat) in {("string",), ()} and not flat.get("enum") and "const" not in flat
