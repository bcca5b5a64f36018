"""Flows of things that a PUT makes under a name of ours."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tanzaku.workbench.cases._before import NEW_ID, Steps, build_steps
from tanzaku.workbench.cases._judge import Judge
from tanzaku.workbench.cases._oracles import DOCUMENTED, NOT_5XX
from tanzaku.workbench.cases._resources import Resource, Resources, find_success_schema
from tanzaku.workbench.cases._shapes import Shapes
from tanzaku.workbench.cases._target import RequestSource
from tanzaku.workbench.cases._thing import expect_good
from tanzaku.workbench.openapi import Operation

_GONE: Final = (404, 410)
_NAMES: Final = ("订单-é", "a/b", "a b", "100%", "A", "a.b")
_TEXTS: Final = ("a first text, longer", "then another")


def list_named_flows(
    resource: Resource,
    resources: Resources,
    requests: Mapping[str, RequestSource],
    shapes: Shapes,
) -> Iterator[tuple[str, Steps]]:
    """The rule that a flow checks, and its steps; none of things that are made in another way."""
    put, read = resource.replace, resource.read
    if resource.create is not None or put is None or read is None:
        return
    links = resources.find_links(read)
    if not links or len(links) != 1 or links[0].source != "put":
        return
    if put.id not in requests or read.id not in requests:
        return
    (step,), _, _ = build_steps(links, requests, shapes)
    named = _Named(resource, requests, shapes, step, put, read)
    yield from named.list_flows()


class _Named:
    def __init__(
        self,
        resource: Resource,
        requests: Mapping[str, RequestSource],
        shapes: Shapes,
        step: dict[str, Any],
        put: Operation,
        read: Operation,
    ) -> None:
        self._resource = resource
        self._requests = requests
        self._shapes = shapes
        self._step = step
        self._put = put
        self._read = read

    def list_flows(self) -> Iterator[tuple[str, Steps]]:
        parameter = self._resource.parameter
        schema = next((one.schema for one in self._read.parameters if one.name == parameter), True)
        judge = Judge(self._shapes.document, schema)
        plain = f"own-{self._resource.name}"
        names = [name for name in (plain, *_NAMES) if judge.accepts(name)]
        first, *others = names or [""]
        if first != plain:
            return
        yield "put_read", self._write(first)
        yield from self._list_twice(f"{plain}-2", judge)
        yield from self._list_deleted(f"{plain}-3", judge)
        for name in others:
            yield "put_read", self._write(name)

    def _write(self, name: str) -> Steps:
        """Made, unless a name out of the ordinary is refused as documented, and then read."""
        put, read = self._make("put", name), self._send("read", self._read, name)
        if not name.isascii() or not name.replace("-", "").isalnum():
            # What it makes cannot be missing, and there is nothing above it that could be.
            put["expect"] = [NOT_5XX, DOCUMENTED, {"not": {"status": 404}}]
            read["when"] = "put.status < 300"
        read["expect"] = [*expect_good(self._read), *self._show(self._find_sent())]
        put["expect"] = [*put["expect"], *self._echo(name)]
        return [put, read]

    def _echo(self, name: str) -> list[Any]:
        """Where the answer has a field called as the path's parameter, it is the name sent."""
        parameter = self._resource.parameter
        schema = find_success_schema(self._put)
        if schema is None or parameter not in self._shapes.flatten(schema).get("properties", {}):
            return []
        return [
            {"any": [{"not": {"status": "2xx"}}, {"jsonpath": f"$.{parameter}", "equals": name}]}
        ]

    def _list_twice(self, name: str, judge: Judge) -> Iterator[tuple[str, Steps]]:
        sent = self._find_sent()
        if not isinstance(sent, str) or not judge.accepts(name) or not self._show(sent):
            return
        content = next(iter(self._put.request_bodies.values()))
        bodies = Judge(self._shapes.document, content.schema or True)
        if not all(bodies.accepts(text) for text in _TEXTS):
            return
        steps: Steps = []
        for number, text in enumerate(_TEXTS, start=1):
            put = self._make(f"put_{number}", name)
            put["with"] = {**put["with"], "raw": text}
            read = self._send(f"read_{number}", self._read, name)
            read["expect"] = [*expect_good(self._read), *self._show(text)]
            steps += [put, read]
        yield "put_twice", steps

    def _list_deleted(self, name: str, judge: Judge) -> Iterator[tuple[str, Steps]]:
        delete = self._resource.delete
        known = [one for one in _GONE if str(one) in self._read.responses]
        if delete is None or delete.id not in self._requests or not known:
            return
        if not judge.accepts(name) or "409" in delete.responses:
            return
        read = self._send("read", self._read, name) | {"expect": expect_good(self._read)}
        gone = self._send("after", self._read, name)
        gone["expect"] = [{"status": known}, DOCUMENTED]
        deleted = self._send("delete", delete, name) | {"expect": expect_good(delete)}
        yield "read_deleted_read", [self._make("put", name), read, deleted, gone]

    def _make(self, step_id: str, name: str) -> dict[str, Any]:
        step = copy.deepcopy(self._step)
        params = {
            key: name if value == NEW_ID else value
            for key, value in step["with"]["path_params"].items()
        }
        step["with"] = {**step["with"], "path_params": params}
        return {**step, "id": step_id, "expect": expect_good(self._put)}

    def _send(self, step_id: str, operation: Operation, name: str) -> dict[str, Any]:
        params = {self._resource.parameter: name}
        use = self._requests[operation.id].use
        return {"id": step_id, "use": use, "with": {"path_params": params}}

    def _find_sent(self) -> Any:
        fields = self._requests[self._put.id].fields
        return fields.get("raw", fields.get("body"))

    def _show(self, sent: Any) -> list[Any]:
        """What was put, where the document shows that it is read as it is."""
        if isinstance(sent, str):
            put = {kind for kind in self._put.request_bodies if "json" not in kind}
            read = {
                kind
                for status, one in self._read.responses.items()
                if status.startswith("2")
                for kind in one.contents
            }
            return [{"equals": sent}] if put and put == read else []
        schema = find_success_schema(self._read)
        if not isinstance(sent, Mapping) or schema is None:
            return []
        properties = self._shapes.flatten(schema).get("properties", {})
        return [
            {"jsonpath": f"$.{name}", "equals": value}
            for name, value in sent.items()
            if name in properties
            and name.isidentifier()
            and name != self._resource.parameter
            and isinstance(value, str | int | float)
            and "format" not in self._shapes.flatten(properties[name])
        ]
