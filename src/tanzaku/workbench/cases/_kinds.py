"""Flows of things of several kinds: a list has them all, and a filter by several takes each."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tanzaku.workbench.cases._before import Steps
from tanzaku.workbench.cases._judge import build_request_judge
from tanzaku.workbench.cases._oracles import DOCUMENTED
from tanzaku.workbench.cases._parameters import write_parameter
from tanzaku.workbench.cases._shapes import Flat, find_types
from tanzaku.workbench.cases._thing import Thing
from tanzaku.workbench.openapi import Operation, Parameter

_OK: Final = [{"status": "2xx"}, DOCUMENTED]
_MOST_KINDS: Final = 6
_MOST_FIELDS: Final = 3

type Flows = Iterator[tuple[str, Steps]]


def list_kind_flows(
    thing: Thing,
    lister: Operation,
    ids: tuple[str, str],
    item: Flat,
    whole: Mapping[str, Any],
    more: list[Any],
) -> Flows:
    """The rule that a flow checks, and its steps. `ids` are the JSONPaths of the items and of their
    ids, `whole` asks for as much of the list as there may be, `more` says that there is more."""
    fields = _find_fields(thing)
    path, names = ids
    for field, values in list(fields.items())[:_MOST_FIELDS]:
        made, places = _make_each(thing, field, values)
        there = [{"jsonpath": names, "values": {"contains": place}} for place in places.values()]
        expect = [*_OK, _or_more({"all": there}, more)]
        yield "listed_each", [*made, thing.step("list", lister, with_=dict(whole), expect=expect)]
    for parameter in lister.parameters:
        chosen = _find_chosen(thing, parameter, item, fields)
        if chosen is None:
            continue
        field, values = chosen
        made, places = _make_each(thing, field, values)
        wanted = values[:2]
        patch = write_parameter(parameter, wanted)
        if patch is None or len(values) < 2:
            continue
        others = " && ".join(f"@.{field} != '{value}'" for value in wanted)
        query = {"query": {**whole.get("query", {}), **patch["query"]}}
        there = [{"jsonpath": names, "values": {"contains": places[one]}} for one in wanted]
        expect = [
            *_OK,
            {"jsonpath": f"{path}[?{others}]", "exists": False},
            _or_more({"all": there}, more),
        ]
        yield "filtered_several", [*made, thing.step("list", lister, with_=query, expect=expect)]


def _or_more(there: dict[str, Any], more: list[Any]) -> dict[str, Any]:
    return {"any": [there, *more]} if more else there


def _find_fields(thing: Thing) -> dict[str, list[str]]:
    """What a thing is made with of which the document lists the values."""
    create = thing.resource.create
    content = next(iter(create.request_bodies.values()), None) if create else None
    if content is None or content.schema is None:
        return {}
    judge = build_request_judge(thing.shapes.document, thing.shapes, content.schema)
    found: dict[str, list[str]] = {}
    for name, schema in thing.shapes.flatten(content.schema).get("properties", {}).items():
        listed = thing.shapes.flatten(schema).get("enum", [])
        values = [
            one
            for one in listed
            if isinstance(one, str) and judge.accepts({**thing.body, name: one})
        ]
        if len(values) > 1 and len(values) == len(listed):
            found[name] = values[:_MOST_KINDS]
    return found


def _make_each(thing: Thing, field: str, values: list[str]) -> tuple[Steps, dict[str, str]]:
    """Steps that make one of each, and the places of their ids."""
    steps: Steps = copy.deepcopy(thing.make[:-1])
    places: dict[str, str] = {}
    for number, value in enumerate(values, start=1):
        (step,) = thing.make_another(number)
        patch = step.setdefault("with", {})
        patch["body"] = {**patch.get("body", {}), field: value}
        steps.append(step)
        places[value] = f"{{{{{step['id']}.id}}}}"
    return steps, places


def _find_chosen(
    thing: Thing, parameter: Parameter, item: Flat, fields: Mapping[str, list[str]]
) -> tuple[str, list[str]] | None:
    """The field that a query's list of values chooses by: it is named like it."""
    flat = thing.shapes.flatten(parameter.schema)
    if parameter.place != "query" or find_types(flat) != ("array",):
        return None
    listed = thing.shapes.flatten(flat.get("items", True)).get("enum", [])
    for field in (
        parameter.name,
        parameter.name.removesuffix("[]"),
        parameter.name.removesuffix("s"),
    ):
        shown = field in item.get("properties", {}) and field.isidentifier()
        if shown and field in fields and set(fields[field]) <= set(listed):
            return field, fields[field]
    return None
