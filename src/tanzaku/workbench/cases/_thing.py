"""One kind of thing with what its flows need."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tanzaku.workbench.cases._before import Steps
from tanzaku.workbench.cases._oracles import DOCUMENTED
from tanzaku.workbench.cases._resources import Resource, Resources
from tanzaku.workbench.cases._shapes import Shapes, find_types
from tanzaku.workbench.cases._target import CONFLICT, RequestSource
from tanzaku.workbench.cases._texts import make_unique
from tanzaku.workbench.openapi import Operation


@dataclass(frozen=True)
class Thing:
    """One kind of thing with what its flows need. `make` are the steps that make one, the last makes
    it; `params` are its path's parameters after them, `body` is
    what it is made of, `extras` what it can have beside."""

    resource: Resource
    resources: Resources
    requests: Mapping[str, RequestSource]
    shapes: Shapes
    make: Steps
    params: Mapping[str, str]
    body: Mapping[str, Any]
    extras: Mapping[str, Any]

    @property
    def made(self) -> str:
        return str(self.make[-1]["id"])

    @property
    def id_place(self) -> str:
        return self.params[self.resource.parameter]

    def step(self, name: str, operation: Operation, **fields: Any) -> dict[str, Any]:
        """A step that sends an operation of the thing."""
        patch = dict(fields.pop("with_", {}))
        params = {key: one for key, one in self.params.items() if f"{{{key}}}" in operation.path}
        if params:
            patch["path_params"] = {**params, **patch.get("path_params", {})}
        made: dict[str, Any] = {"id": name, "use": self.requests[operation.id].use}
        if patch:
            made["with"] = patch
        return made | fields

    def step_delete(self, delete: Operation) -> tuple[dict[str, Any], dict[str, Any]]:
        """The step that deletes the thing, and what a step has that follows of its success: where a
        409 is documented the thing need not have come to where it may be deleted."""
        expect = expect_good(delete)
        if str(CONFLICT) not in delete.responses:
            return self.step("delete", delete, expect=expect), {}
        refused = {"all": [{"status": CONFLICT}, DOCUMENTED]}
        either = [{"any": [{"all": expect}, refused]}]
        return self.step("delete", delete, expect=either), {"when": "delete.status < 300"}

    def make_full(self) -> Steps:
        """The steps that make one with all it can have."""
        steps = copy.deepcopy(self.make)
        if self.extras:
            patch = steps[-1].setdefault("with", {})
            patch["body"] = {**patch.get("body", {}), **self.extras}
        return steps

    def make_another(self, number: int) -> Steps:
        """A second one, with the same things above it."""
        last = copy.deepcopy(self.make[-1])
        last["id"] = f"{last['id']}_{number}"
        body = last.get("with", {}).get("body", {})
        for name, value in body.items():
            body[name] = make_unique(str(value), str(number))
        return [last]

    def is_settable(self, name: str) -> bool:
        """Whether who makes one says what this field is; the service may change any other by itself."""
        return name in self.body or name in self.extras

    def has(self, *operations: Operation | None) -> bool:
        return all(one is not None and one.id in self.requests for one in operations)


def expect_good(operation: Operation) -> list[Any]:
    """A documented success."""
    good = sorted(int(one) for one in operation.responses if one.isdigit() and one[0] == "2")
    return [{"status": good or "2xx"}, DOCUMENTED]


def list_unique(thing: Thing) -> set[str]:
    """The fields of which no two things may have the same."""
    return set(thing.make[-1].get("with", {}).get("body", {}))


def find_other(shapes: Shapes, schema: Any, value: Any) -> Any:
    """A plain value that fits and is not `value`; None when none is known."""
    flat = shapes.flatten(schema)
    kinds = [kind for kind in find_types(flat) if kind != "null"]
    listed = [one for one in flat.get("enum", []) if one not in (None, value)]
    if flat.get("readOnly") or not kinds:
        return None
    if listed:
        return listed[-1]
    if kinds == ["boolean"]:
        return value is not True
    if kinds[0] in {"integer", "number"}:
        least = flat.get("minimum", flat.get("exclusiveMinimum", 0))
        most = flat.get("maximum", least + 2)
        return next((n for n in (least + 1, least + 2) if n != value and n <= most), None)
    is_free = "pattern" not in flat and "format" not in flat and not flat.get("enum")
    text = "changed 改"[: flat.get("maxLength", 20)]
    is_text = kinds == ["string"] and is_free and flat.get("minLength", 0) <= len(text)
    return text if is_text and text != value else None
