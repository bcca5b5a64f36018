"""Cases of several requests: what was made can be read, changed, listed, deleted."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tanzaku.workbench.cases._acting import list_acting_flows, name_action
from tanzaku.workbench.cases._before import Steps, build_steps
from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.cases._files import FlowFile, SuiteFile, unite_ids
from tanzaku.workbench.cases._judge import build_request_judge
from tanzaku.workbench.cases._keys import find_key, write_key
from tanzaku.workbench.cases._listing import list_listing_flows
from tanzaku.workbench.cases._named import list_named_flows
from tanzaku.workbench.cases._oracles import ANY_4XX, DOCUMENTED, NOT_5XX
from tanzaku.workbench.cases._patches import read_value
from tanzaku.workbench.cases._resources import Resource, Resources, find_success_schema
from tanzaku.workbench.cases._shapes import Shapes
from tanzaku.workbench.cases._target import RequestSource
from tanzaku.workbench.cases._texts import make_unique
from tanzaku.workbench.cases._thing import Thing, expect_good, find_other, list_unique
from tanzaku.workbench.openapi import Document, Operation

type Flows = Iterator[tuple[str, Steps]]
"""The rule that a flow checks, and its steps."""
_MOST_FIELDS: Final = 6
_ENDING: Final = re.compile(r"cancel|abort|stop|finish|complete|close|end", re.IGNORECASE)


def list_state_suites(
    document: Document,
    resources: Resources,
    requests: Mapping[str, RequestSource],
    folder: str,
    *,
    seed: int = 1,
) -> tuple[list[SuiteFile], list[FlowFile]]:
    """A suite for each kind of thing that can be made, with a flow for each of its cases."""
    suites: list[SuiteFile] = []
    flows: list[FlowFile] = []
    for resource in resources.list_all():
        thing = _build_thing(document, resource, resources, requests)
        found = (
            list_named_flows(resource, resources, requests, Shapes(document))
            if thing is None
            else _list_flows(thing)
        )
        cases: list[MadeCase] = []
        rules: dict[str, int] = {}
        slug = re.sub(r"[^a-z0-9]+", "-", resource.item_path.replace("{", "").lower()).strip("-")
        for rule, steps in found:
            path = f"flows/{folder}/{slug}-{rule.replace('_', '-')}.flow.yaml"
            count = rules[rule] = rules.get(rule, 0) + 1
            if count > 1:
                path = path.replace(".flow.yaml", f"-{count}.flow.yaml")
            own = steps
            if thing is not None:
                uses = {str(step["use"]) for step in thing.make}
                own = _make_own(steps, f"{slug} {rule} {len(cases)}", uses, list_unique(thing))
            values = {"thing": resource.name}
            flows.append(FlowFile(path, f"state.{rule}", values, {"steps": own}))
            cases.append(
                MadeCase(
                    f"state.{rule}",
                    "",
                    "positive",
                    flow=path,
                    values=values,
                    goal=("state", rule, "", True),
                )
            )
        if cases:
            name = f"suites/{folder}/0-{slug}-states.suite.yaml"
            suites.append(
                SuiteFile(name, f"{resource.name}: states", "", {}, unite_ids(cases), seed)
            )
    return suites, flows


def _build_thing(
    document: Document,
    resource: Resource,
    resources: Resources,
    requests: Mapping[str, RequestSource],
) -> Thing | None:
    create = resource.create
    item = next(
        (one for one in (resource.read, resource.change, resource.replace, resource.delete) if one),
        None,
    )
    if create is None or item is None or create.id not in requests:
        return None
    links = resources.find_links(item)
    if not links or any(link.operation.id not in requests for link in links):
        return None
    if any(requests[link.operation.id].fields.get("skip") for link in links):
        return None
    if links[-1].source != "made":
        return None
    shapes = Shapes(document)
    steps, params, variables = build_steps(links, requests, shapes)
    for step in steps:
        body = step.get("with", {}).get("body", {})
        for name in body:
            body[name] = variables[name]
    body = read_value(requests[create.id].fields.get("body"))
    if not isinstance(body, Mapping):
        return None
    extras = _find_extras(document, shapes, create, body)
    return Thing(resource, resources, requests, shapes, steps, params, body, extras)


def _find_extras(
    document: Document, shapes: Shapes, create: Operation, body: Mapping[str, Any]
) -> dict[str, Any]:
    """Values of what is optional, none of them its default."""
    content = next(iter(create.request_bodies.values()), None)
    if content is None or content.schema is None:
        return {}
    judge = build_request_judge(document, shapes, content.schema)
    found: dict[str, Any] = {}
    for name, schema in shapes.flatten(content.schema).get("properties", {}).items():
        if name in body:
            continue
        value = find_other(shapes, schema, shapes.flatten(schema).get("default"))
        if value is not None and judge.accepts({**body, **found, name: value}):
            found[name] = value
    return found


def _make_own(steps: Steps, mark: str, uses: set[str], unique: set[str]) -> Steps:
    """Steps whose things have names of their own: of one number those that are to be the same."""
    own = copy.deepcopy(steps)
    for step in own:
        number = re.search(r"_\d+$", str(step["id"]))
        body = step.get("with", {}).get("body", {})
        for name, value in body.items():
            if step["use"] in uses and name in unique and isinstance(value, str):
                body[name] = make_unique(value, f"{mark} {number[0] if number else ''}")
    return own


def _list_flows(thing: Thing) -> Flows:
    yield from _list_reading(thing)
    yield from _list_changing(thing)
    yield from _list_replacing(thing)
    yield from _list_deleting(thing)
    yield from list_acting_flows(thing)
    yield from _list_repeating(thing)
    yield from list_listing_flows(thing)


def list_echoes(thing: Thing, shown: Operation, values: Mapping[str, Any]) -> list[Any]:
    """What of `values` the answer of an operation shows."""
    schema = find_success_schema(shown)
    if schema is None:
        return []
    properties = thing.shapes.flatten(schema).get("properties", {})
    found: list[Any] = []
    for name, value in values.items():
        flat = thing.shapes.flatten(properties.get(name, False))
        is_kept = name in properties and flat.get("format") not in {"date-time", "time"}
        if is_kept and isinstance(value, str | int | float) and name.isidentifier():
            found.append({"jsonpath": f"$.{name}", "equals": value})
    return found


def _find_id_path(thing: Thing) -> str:
    return str(thing.make[-1]["capture"]["id"]).partition(" |")[0]


def _list_reading(thing: Thing) -> Flows:
    read, create = thing.resource.read, thing.resource.create
    assert create is not None
    sent = {**thing.body, **thing.extras}
    plain = {k: one for k, one in sent.items() if k not in list_unique(thing)}
    if read is not None and thing.has(read):
        echoes = list_echoes(thing, read, plain)
        same = {"jsonpath": _find_id_path(thing), "equals": thing.id_place}
        expect = [*expect_good(read), same, *echoes]
        yield "read", [*thing.make_full(), thing.step("read", read, expect=expect)]
        yield "read_first", [*thing.make_full(), *thing.make_another(2),
                             thing.step("read", read, expect=expect)]  # fmt: skip
        kept = {"thing": "$"}
        again = [*expect_good(read), {"jsonpath": "$", "equals": "{{read.thing}}"}]
        if not _is_restless(thing, read) and not _moves(thing, read):
            yield "read_twice", [*thing.make, thing.step("read", read, capture=kept),
                                 thing.step("again", read, expect=again)]  # fmt: skip
    second = thing.make_another(2)
    different = {"jsonpath": _find_id_path(thing), "not": {"equals": thing.id_place}}
    second[0]["expect"] = [*expect_good(create), different]
    yield "made_twice", [*thing.make, *second]


def _is_restless(thing: Thing, read: Operation) -> bool:
    """Whether an answer is likely to tell of the time it was given at."""
    fields = thing.shapes.flatten(find_success_schema(read) or True).get("properties", {})
    return any(re.search(r"now|access|last|seen|expire|age|views|count", one) for one in fields)


def _moves(thing: Thing, read: Operation) -> bool:
    """Whether it is likely to go on by itself: nobody sets its state, before or after it is made."""
    resource = thing.resource
    if thing.has(resource.change) or thing.has(resource.replace):
        return False
    fields = thing.shapes.flatten(find_success_schema(read) or True).get("properties", {})
    states = [
        name for name, one in fields.items() if len(thing.shapes.flatten(one).get("enum", ())) > 1
    ]
    return not all(map(thing.is_settable, states))


def _list_changing(thing: Thing) -> Flows:
    change, read = thing.resource.change, thing.resource.read
    if change is None or read is None or not thing.has(change, read):
        return
    content = next(iter(change.request_bodies.values()), None)
    if content is None or content.schema is None:
        return
    properties = thing.shapes.flatten(content.schema).get("properties", {})
    unique, whole = list_unique(thing), {**thing.body, **thing.extras}
    count = 0
    for name, schema in properties.items():
        value = find_other(thing.shapes, schema, whole.get(name))
        if value is None or name in unique or count >= _MOST_FIELDS:
            continue
        count += 1
        body = {**dict.fromkeys(_list_sent(thing, change)), name: value}
        others = {k: v for k, v in whole.items() if k != name and k not in unique}
        expect = [*expect_good(change), *list_echoes(thing, change, {name: value})]
        after = [*expect_good(read), *list_echoes(thing, read, {name: value, **others})]
        changed = thing.step("change", change, with_={"body": body}, expect=expect)
        yield "changed", [*thing.make_full(), changed, thing.step("read", read, expect=after)]
        kept = thing.step("read_before", read, capture={"thing": "$"})
        same = [*expect_good(read), *_list_kept(thing, read, name)]
        yield "changed_alone", [*thing.make_full(), kept, changed,
                                thing.step("read", read, expect=same)]  # fmt: skip
        if count == 1:
            yield from _list_other(thing, changed, read)


def _list_kept(thing: Thing, read: Operation, changed: str) -> list[Any]:
    """What a change of one field leaves as it was, as far as the answer must have it."""
    flat = thing.shapes.flatten(find_success_schema(read) or True)
    return [
        {"jsonpath": f"$.{name}", "equals": f"{{{{read_before.thing.{name}}}}}"}
        for name in flat.get("required", [])
        if name != changed
        and name.isidentifier()
        and not re.search(r"updat|modif|version|etag|revision|last|total|sum|count", name)
    ]


def _list_other(thing: Thing, changed: dict[str, Any], read: Operation) -> Flows:
    """A change of one thing leaves another as it was."""
    second = thing.make_another(2)
    other = str(second[0]["id"])
    params = {"path_params": {thing.resource.parameter: f"{{{{{other}.id}}}}"}}
    before = thing.step("read_before", read, with_=params, capture={"thing": "$"})
    same = [*expect_good(read), {"jsonpath": "$", "equals": "{{read_before.thing}}"}]
    after = thing.step("read", read, with_=params, expect=same)
    if not _is_restless(thing, read):
        yield "changed_another", [*thing.make, *second, before, changed, after]


def _list_sent(thing: Thing, operation: Operation) -> list[str]:
    body = read_value(thing.requests[operation.id].fields.get("body"))
    return list(body) if isinstance(body, Mapping) else []


def _list_replacing(thing: Thing) -> Flows:
    replace, read = thing.resource.replace, thing.resource.read
    if replace is None or read is None or not thing.has(replace, read):
        return
    body = read_value(thing.requests[replace.id].fields.get("body"))
    if not isinstance(body, Mapping):
        return
    shown = {k: v for k, v in body.items() if k not in list_unique(thing)}
    first = thing.step("replace", replace, expect=expect_good(replace))
    again = thing.step("replace_again", replace, expect=expect_good(replace))
    keep = {"capture": {"thing": "$"}}
    before = thing.step("read_before", read, **keep,
                        expect=[*expect_good(read), *list_echoes(thing, read, shown)])  # fmt: skip
    same = [*expect_good(read), *_list_kept(thing, read, "")]
    yield "replaced_twice", [*thing.make, first, before, again,
                             thing.step("read", read, expect=same)]  # fmt: skip


def _list_gone(operation: Operation) -> list[Any]:
    """What is answered of a thing that is not there any more."""
    known = [one for one in (404, 410) if str(one) in operation.responses]
    if known:
        return [{"status": known}, DOCUMENTED]
    if any(one.lower() == ANY_4XX for one in operation.responses):
        return [{"status": ANY_4XX}, DOCUMENTED]
    return [NOT_5XX, {"not": {"status": "2xx"}, "severity": "warn"}]


def _list_deleting(thing: Thing) -> Flows:
    resource = thing.resource
    delete = resource.delete
    if delete is None or not thing.has(delete):
        return
    deleted, then = thing.step_delete(delete)
    # What has to end first is made to, where something does that.
    ending = [
        thing.step("end", one, expect=[NOT_5XX, DOCUMENTED])
        for one in resource.actions
        if then and thing.has(one) and _ENDING.match(name_action(one))
    ][:1]
    for rule, one in (
        ("deleted_read", resource.read),
        ("deleted_changed", resource.change),
        ("deleted_replaced", resource.replace),
        ("deleted_twice", delete),
    ):
        if one is not None and thing.has(one):
            if one.method == "PUT" and "201" in one.responses:
                continue
            after = thing.step("after", one, expect=_list_gone(one), **then)
            yield rule, [*thing.make, *ending, deleted, after]
            if rule == "deleted_read":
                before = thing.step("read", one, expect=expect_good(one))
                yield "read_deleted_read", [*thing.make, *ending, before, deleted, after]
    if resource.read is not None and thing.has(resource.read):
        second = thing.make_another(2)
        params = {"path_params": {resource.parameter: f"{{{{{second[0]['id']}.id}}}}"}}
        there = thing.step("read", resource.read, with_=params, expect=expect_good(resource.read))
        yield "deleted_another", [*thing.make, *second, deleted, there]


def _list_repeating(thing: Thing) -> Flows:
    """Keys that make a request count once; names that are taken; tags of what was read."""
    create, read = thing.resource.create, thing.resource.read
    assert create is not None
    key = find_key(create)
    value = None if key is None else write_key(thing.shapes, key, thing.resource.name)
    if key is not None and value is not None:
        first, second = copy.deepcopy(thing.make[-1]), copy.deepcopy(thing.make[-1])
        for step in (first, second):
            header = {key.name.lower(): value}
            step["with"] = {**step.get("with", {}), "headers": header}
        second |= {
            "id": "again",
            "expect": [
                {"status": "2xx"},
                {"jsonpath": _find_id_path(thing), "equals": thing.id_place},
            ],
        }
        yield "key_repeated", [*thing.make[:-1], first, second]
    unique = list_unique(thing)
    told = create.responses["409"].description if "409" in create.responses else ""
    if unique and re.search(r"already|taken|exist|duplicate|unique|in use", told, re.IGNORECASE):
        twin = copy.deepcopy(thing.make[-1])
        twin |= {"id": "make_twin", "expect": [{"status": 409}, DOCUMENTED]}
        twin.pop("capture", None)
        yield "name_taken", [*thing.make, twin]
    if read is not None and thing.has(read):
        yield from _list_tagged(thing, read)


def _list_tagged(thing: Thing, read: Operation) -> Flows:
    good = next((one for status, one in sorted(read.responses.items()) if status[0] == "2"), None)
    if good is not None and any(
        name.lower() == "etag" and (one.is_required or "304" in read.responses)
        for name, one in good.headers.items()
    ):
        tag = {"tag": "$headers.etag"}
        still = [*expect_good(read), {"header": {"etag": "{{read.tag}}"}}]
        yield "same_tag", [*thing.make, thing.step("read", read, capture=tag),
                           thing.step("again", read, expect=still)]  # fmt: skip
    takes = any(one.name.lower() == "if-none-match" for one in read.parameters)
    if not takes and "304" not in read.responses:
        return
    first = thing.step("read", read, capture={"tag": "$headers.etag"})
    tagged = {"headers": {"if-none-match": "{{read.tag}}"}}
    same = thing.step("again", read, with_=tagged, expect=[{"status": 304}])
    yield "unchanged", [*thing.make, first, same]
    changes = [flow for rule, flow in _list_changing(thing) if rule == "changed"]
    if changes:
        change = changes[0][-2]
        other = thing.step("again", read, with_=tagged, expect=expect_good(read))
        yield "changed_tag", [*thing.make, first, change, other]
