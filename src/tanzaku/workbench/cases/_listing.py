"""Flows of lists: what was made is in them, page by page, filtered and in order."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tanzaku.workbench.cases._kinds import list_kind_flows
from tanzaku.workbench.cases._oracles import DOCUMENTED
from tanzaku.workbench.cases._resources import find_success_schema
from tanzaku.workbench.cases._shapes import Flat, find_types
from tanzaku.workbench.cases._thing import Thing
from tanzaku.workbench.openapi import Operation, Parameter

_LIMIT: Final = re.compile(
    r"^(limit|page_?size|per_?page|size|max_?results|count|first|take)$", re.IGNORECASE
)
_CURSOR: Final = re.compile(
    r"cursor|page_?token|^after(_?id)?$|starting_?after|^next$", re.IGNORECASE
)
_OFFSET: Final = re.compile(r"^(offset|skip|start)$", re.IGNORECASE)
_PAGE: Final = re.compile(r"^(page|page_?number|p)$", re.IGNORECASE)
_NEXT: Final = re.compile(r"next|cursor|page_?token|last_?id", re.IGNORECASE)
_MOST: Final = 100
_OK: Final = [{"status": "2xx"}, DOCUMENTED]


def list_listing_flows(thing: Thing) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rule that a flow checks, and its steps."""
    lister = thing.resource.list_all
    found = None if lister is None else thing.resources.find_items(lister)
    if lister is None or found is None or not thing.has(lister):
        return
    path, item = found
    own = thing.resources.find_id(item, thing.resource.parameter, thing.resource.path, "")
    if not own:
        return
    ids = f"{path}[*]{own}"
    whole = _write_whole(lister, thing)
    there = {"jsonpath": ids, "values": {"contains": thing.id_place}}
    more = _list_more(lister, thing)
    expect: list[Any] = [*_OK, {"any": [there, *more]} if more else there]
    listed = thing.step("list", lister, with_=whole, expect=expect)
    yield "listed", [*thing.make, listed]
    if thing.has(thing.resource.delete) and thing.resource.delete is not None:
        deleted, then = thing.step_delete(thing.resource.delete)
        gone = {"not": {"contains": f'"{thing.id_place}"'}}
        if find_types(thing.shapes.flatten(item.get("properties", {}).get(own[1:], True))) == (
            "string",
        ):
            yield "deleted_listed", [
                *thing.make, deleted,
                thing.step("list", lister, with_=whole, expect=[*_OK, gone], **then),
            ]  # fmt: skip
    yield from _list_pages(thing, lister, path, own)
    yield from _list_filters(thing, lister, path, item, ids)
    yield from list_kind_flows(thing, lister, (path, ids), item, whole, more)


def _find(lister: Operation, pattern: re.Pattern[str]) -> Parameter | None:
    return next(
        (one for one in lister.parameters if one.place == "query" and pattern.search(one.name)),
        None,
    )


def _find_bounds(thing: Thing, parameter: Parameter) -> tuple[int, int]:
    flat = thing.shapes.flatten(parameter.schema)
    return int(flat.get("minimum", 1)), int(flat.get("maximum", _MOST))


def _write_whole(lister: Operation, thing: Thing) -> dict[str, Any]:
    """As much of the list as one answer may have."""
    limit = _find(lister, _LIMIT)
    if limit is None:
        return {}
    return {"query": {limit.name: str(_find_bounds(thing, limit)[1])}}


def _list_more(lister: Operation, thing: Thing) -> list[Any]:
    """How an answer says that there is more than it shows."""
    flat = thing.shapes.flatten(find_success_schema(lister) or True)
    found: list[Any] = []
    for name, one in flat.get("properties", {}).items():
        kinds = find_types(thing.shapes.flatten(one))
        if name in {"has_more", "hasMore"}:
            found.append({"jsonpath": f"$.{name}", "equals": True})
        elif _NEXT.search(name) and "string" in kinds:
            found.append({"jsonpath": f"$.{name}", "type": "string"})
    return found


def _list_pages(
    thing: Thing, lister: Operation, path: str, own: str
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Small pages one after another have what a large one has, in its order."""
    limit = _find(lister, _LIMIT)
    if limit is None:
        return
    least, most = _find_bounds(thing, limit)
    size = max(2, least)
    if size * 2 > most:
        return
    steps = [*thing.make, *thing.make_another(2), *thing.make_another(3)]
    parts = {
        f"part_{number}": f"{path}[{(number - 1) * size}:{number * size}]{own} | all"
        for number in (1, 2, 3)
    }
    steps.append(thing.step("whole", lister, with_=_write_whole(lister, thing), capture=parts))
    following = _find_following(thing, lister)
    for number in (1, 2, 3):
        query = {limit.name: str(size)}
        step: dict[str, Any] = {}
        if number > 1:
            if following is None:
                return
            query |= _write_page(lister, following, number, size)
            if following[1] and number > 2:
                step["when"] = f"page_{number - 1}.next | default(null) != null"
        same = {"jsonpath": f"{path}[*]{own}", "values": {"equals": f"{{{{whole.part_{number}}}}}"}}
        short = {"jsonpath": path, "length": {"lte": size}}
        capture = {"capture": {"next": following[1]}} if following and following[1] else {}
        page = thing.step(f"page_{number}", lister, with_={"query": query},
                          expect=[*_OK, short, same], **capture)  # fmt: skip
        steps.append({**page, **step})
        if number == 1:
            yield "first_page", [*steps]
    if following is not None:
        yield "pages", steps


def _find_following(thing: Thing, lister: Operation) -> tuple[Parameter, str] | None:
    """The parameter that leads on, and where an answer has its next value (empty: it is counted)."""
    cursor = _find(lister, _CURSOR)
    flat = thing.shapes.flatten(find_success_schema(lister) or True)
    if cursor is not None:
        required = flat.get("required", [])
        names = [name for name in flat.get("properties", {}) if _NEXT.search(name)]
        names.sort(key=lambda name: (name not in required, "next" not in name.lower()))
        return (cursor, f"$.{names[0]}") if names and names[0] in required else None
    counted = _find(lister, _OFFSET) or _find(lister, _PAGE)
    return (counted, "") if counted is not None else None


def _write_page(
    lister: Operation, following: tuple[Parameter, str], number: int, size: int
) -> dict[str, str]:
    parameter, capture = following
    if capture:
        return {parameter.name: f"{{{{page_{number - 1}.next}}}}"}
    if _OFFSET.search(parameter.name):
        return {parameter.name: str((number - 1) * size)}
    first = parameter.schema.get("minimum", 1) if isinstance(parameter.schema, Mapping) else 1
    return {parameter.name: str(first + number - 1)}


def _list_filters(
    thing: Thing, lister: Operation, path: str, item: Flat, ids: str
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A parameter named like a listed field chooses the items that have its value."""
    read = thing.resource.read
    for one in lister.parameters:
        field = item.get("properties", {}).get(one.name)
        if one.place != "query" or field is None or not one.name.isidentifier():
            continue
        flat = thing.shapes.flatten(field)
        values = [v for v in thing.shapes.flatten(one.schema).get("enum", []) if isinstance(v, str)]
        whole = _write_whole(lister, thing).get("query", {})
        for value in values:
            query = {"query": {**whole, one.name: value}}
            others = {"jsonpath": f"{path}[?@.{one.name} != '{value}']", "exists": False}
            step = thing.step("list", lister, with_=query, expect=[*_OK, others])
            yield "filtered", [*thing.make, step]
        is_shown = one.name in item.get("required", []) and find_types(flat) == ("string",)
        is_kept = is_shown and thing.is_settable(one.name)
        if read is not None and thing.has(read) and is_kept and values:
            first = thing.step("read", read, capture={"value": f"$.{one.name}"})
            query = {"query": {**whole, one.name: "{{read.value}}"}}
            there = {"jsonpath": ids, "values": {"contains": thing.id_place}}
            more = _list_more(lister, thing)
            expect = [*_OK, {"any": [there, *more]} if more else there]
            step = thing.step("list", lister, with_=query, expect=expect)
            yield "filtered_there", [*thing.make, first, step]
