"""Flows of actions (`/orders/{id}/cancel`)."""

from collections.abc import Iterator
from typing import Any, Final

from tanzaku.workbench.cases._before import Steps
from tanzaku.workbench.cases._oracles import DOCUMENTED, NOT_5XX
from tanzaku.workbench.cases._resources import find_success_schema
from tanzaku.workbench.cases._thing import Thing, expect_good
from tanzaku.workbench.openapi import Operation

_POLL_S: Final = 0.2


def name_action(operation: Operation) -> str:
    """What it does, by its path's end."""
    return operation.path.rpartition("/")[2]


def list_acting_flows(thing: Thing) -> Iterator[tuple[str, Steps]]:
    """Actions (`/orders/{id}/cancel`): done once, and again where a conflict is documented."""
    read = thing.resource.read
    for action in thing.resource.actions:
        if not thing.has(action):
            continue
        name = name_action(action)
        stem = name[:4].lower()
        once = thing.step("act", action, expect=expect_good(action))
        if read is not None and thing.has(read):
            steps = [*thing.make, once]
            status = _find_status(thing, read, stem)
            expect = [*expect_good(read)]
            if status:
                expect.append({"jsonpath": f"$.{status[0]}", "equals": status[1]})
            yield "acted", [*steps, thing.step("read", read, expect=expect)]
            if status:
                later = [
                    thing.step(f"read_{n}", read, expect=expect, wait_s=_POLL_S)
                    for n in (1, 2, 3, 4)
                ]
                yield "acted_stays", [*steps, *later]
        for again in (action, thing.resource.change, thing.resource.replace, thing.resource.delete):
            if again is None or not thing.has(again) or "409" not in again.responses:
                continue
            told = again.responses["409"].description.lower()
            is_sure = stem in told or (again is action and "already" in told)
            sure: list[Any] = [{"status": 409}, DOCUMENTED]
            expect = sure if is_sure else [NOT_5XX, DOCUMENTED]
            yield "acted_conflict", [*thing.make, once, thing.step("again", again, expect=expect)]


def _find_status(thing: Thing, read: Operation, stem: str) -> tuple[str, str] | None:
    """The field and the value that an action leads to, when one is named like it and is an end."""
    flat = thing.shapes.flatten(find_success_schema(read) or True)
    for name, one in flat.get("properties", {}).items():
        values = [v for v in thing.shapes.flatten(one).get("enum", []) if isinstance(v, str)]
        like = [
            value
            for value in values
            if value.lower().startswith(stem) and not value.endswith("ing")
        ]
        if len(like) == 1:
            return name, like[0]
    return None
