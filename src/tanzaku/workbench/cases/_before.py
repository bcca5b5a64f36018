"""Flows that make what an operation's path speaks of."""

from collections.abc import Mapping
from typing import Any, Final

from tanzaku.workbench.cases._files import FlowFile
from tanzaku.workbench.cases._patches import read_value
from tanzaku.workbench.cases._resources import Link, Resources, name_thing
from tanzaku.workbench.cases._shapes import Shapes
from tanzaku.workbench.cases._target import RequestSource
from tanzaku.workbench.cases._unique import find_unique
from tanzaku.workbench.openapi import Operation

NEW_ID: Final = "{{new_id}}"

type Steps = list[dict[str, Any]]


class BeforeFlows:
    """One flow for each kind of thing that paths speak of. `flows` are those that were needed."""

    def __init__(
        self,
        resources: Resources,
        requests: Mapping[str, RequestSource],
        folder: str,
        shapes: Shapes,
    ) -> None:
        self._resources = resources
        self._requests = requests
        self._folder = folder
        self._shapes = shapes
        self.flows: list[FlowFile] = []
        self._known: dict[tuple[str, ...], str] = {}

    def find(self, operation: Operation) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """The flow that comes before the operation and the values of its path's parameters,
        and the flow's own variables, of which each case needs others; empty where there is nothing to make, or nobody knows how."""
        links = self._resources.find_links(operation)
        if not links or any(link.operation.id not in self._requests for link in links):
            return "", {}, {}
        steps, params, variables = build_steps(links, self._requests, self._shapes)
        key = tuple(f"{link.operation.id} {link.parameter}" for link in links)
        if key not in self._known:
            name = "-".join(name_thing(link.operation.path) for link in links)
            path = f"flows/{self._folder}/before-{name}.flow.yaml"
            if path in self._known.values():
                path = f"flows/{self._folder}/before-{name}-{len(self._known)}.flow.yaml"
            self._known[key] = path
            fields: dict[str, Any] = {"vars": variables, "steps": steps}
            thing = " / ".join(name_thing(link.operation.path) for link in links)
            self.flows.append(FlowFile(path, "flow.before", {"thing": thing}, fields))
        values = {
            name: value.replace("{{", "{{before.") if value != NEW_ID else value
            for name, value in params.items()
        }
        return self._known[key], values, variables


def build_steps(
    links: list[Link], requests: Mapping[str, RequestSource], shapes: Shapes
) -> tuple[Steps, dict[str, str], dict[str, Any]]:
    """The steps that make the things, the values of the path's parameters by them, and the
    variables of the flow: values of which each thing needs its own."""
    steps: Steps = []
    params: dict[str, str] = {}
    variables: dict[str, Any] = {}
    for number, link in enumerate(links, start=1):
        source = requests[link.operation.id]
        verb = "find" if link.source == "listed" else "make"
        step_id = f"{verb}_{name_thing(link.operation.path)}"
        if any(step["id"] == step_id for step in steps):
            step_id += f"_{number}"
        step: dict[str, Any] = {"id": step_id, "use": source.use}
        patch: dict[str, Any] = {}
        needed = {name: params[name] for name in params if f"{{{name}}}" in link.operation.path}
        if link.source == "put":
            variables.setdefault("new_id", f"new-{link.parameter.replace('_', '-')}")
            needed[link.parameter] = NEW_ID
            params[link.parameter] = NEW_ID
        if needed:
            patch["path_params"] = needed
        body = read_value(source.fields.get("body"))
        unique = find_unique(link.operation, shapes, body)
        if unique:
            variables |= unique
            patch["body"] = {name: f"{{{{{name}}}}}" for name in unique}
        if patch:
            step["with"] = patch
        if link.source != "put":
            step["capture"] = {"id": link.capture}
            params[link.parameter] = f"{{{{{step_id}.id}}}}"
        step["expect"] = [{"status": "2xx"}]
        steps.append(step)
    return steps, params, variables
